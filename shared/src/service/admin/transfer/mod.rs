//! Projects on their way from one deployment to another: the pages of an export, the lines of an import, and the keys, which move
//! only sealed.

pub mod export;
pub mod import;
pub mod sealed;
