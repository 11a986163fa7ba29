//! The mapping of records to items of the table: a file for each subject.

pub mod accounts;
pub mod admin;
pub mod attributes;
pub mod erasure;
pub mod import;
pub mod ledger;
pub mod license;
pub mod organizations;
pub mod portal;
pub mod pro;
pub mod project;
pub mod record;
pub mod run;
pub mod store;
pub mod webhooks;
