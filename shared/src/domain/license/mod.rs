//! Decisions about one license.

pub mod activate;
pub mod change_license;
pub mod consume;
pub mod consume_batch;
pub mod credit;
pub mod describe_device;
pub mod entitlement;
pub mod gate;
pub mod heartbeat;
pub mod issue;
pub mod license_data;
pub mod offline_file;
pub mod read;
pub mod refresh;
pub mod reinstate;
pub mod release_seat;
pub mod remove_device;
pub mod seat_map;
pub mod seats;
pub mod settings;
pub mod signout;
pub mod state;
pub mod status;
pub mod terms;
pub mod token_renewal;
