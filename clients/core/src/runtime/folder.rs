//! Where a client's files are when the configuration names no folder.

use std::path::{Path, PathBuf};

use crate::config::{Config, StorageKind};
use crate::error::{Error, ErrorCode};

/// The folder of a configuration's files; `None` where nothing is kept.
///
/// | system | of the user | of the machine |
/// |---|---|---|
/// | Windows | `AppData\Local\ltlm\<project>` in the user's folder | `C:\ProgramData\ltlm\<project>` |
/// | macOS | `Library/Application Support/ltlm/<project>` there | `/Library/Application Support/ltlm/<project>` |
/// | others | `.local/share/ltlm/<project>` there | `/var/lib/ltlm/<project>` |
///
/// # Errors
/// [`ErrorCode::BadConfig`] where the configuration names no folder, and the system none for the user.
pub(super) fn of(config: &Config) -> Result<Option<PathBuf>, Error> {
    if config.storage == StorageKind::Memory {
        return Ok(None);
    }
    if let Some(folder) = &config.data_dir {
        return Ok(Some(PathBuf::from(folder)));
    }
    let base = match config.storage {
        StorageKind::Machine => Some(machine()),
        _ => std::env::home_dir().filter(|home| home.is_absolute()).map(|home| user(&home)),
    };
    let base = base.ok_or_else(|| {
        Error::new(ErrorCode::BadConfig, "dataDir is needed here: the system tells no folder of the user's.")
    })?;
    Ok(Some(base.join("ltlm").join(name(&config.project_id))))
}

fn user(home: &Path) -> PathBuf {
    match std::env::consts::OS {
        "windows" => home.join("AppData").join("Local"),
        "macos" => home.join("Library").join("Application Support"),
        _ => home.join(".local").join("share"),
    }
}

fn machine() -> PathBuf {
    match std::env::consts::OS {
        "windows" => PathBuf::from(r"C:\ProgramData"),
        "macos" => PathBuf::from("/Library/Application Support"),
        _ => PathBuf::from("/var/lib"),
    }
}

/// A project's id as the name of a folder: itself where it can be one on every system.
fn name(project_id: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match project_id.len() <= 100 && project_id.chars().all(is_plain) {
        true => project_id.to_owned(),
        false => crate::hwid(project_id, "folder"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(storage: StorageKind, data_dir: Option<&str>) -> Config {
        let mut config = Config::new("https://a.example", "prj_1", &"00".repeat(32), "");
        (config.storage, config.data_dir) = (storage, data_dir.map(str::to_owned));
        config
    }

    #[test]
    fn each_kind_of_storage_has_its_folder_and_a_named_one_comes_first() {
        let home = std::env::home_dir().unwrap();
        let ending = Path::new("ltlm").join("prj_1");
        let of_user = of(&config(StorageKind::User, None)).unwrap().unwrap();
        assert!(of_user.starts_with(&home) && of_user.ends_with(&ending), "{of_user:?}");
        let of_machine = of(&config(StorageKind::Machine, None)).unwrap().unwrap();
        assert!(!of_machine.starts_with(&home) && of_machine.is_absolute() && of_machine.ends_with(&ending));
        for storage in [StorageKind::User, StorageKind::Machine] {
            assert_eq!(of(&config(storage, Some("/named"))).unwrap(), Some(PathBuf::from("/named")));
        }
        assert_eq!(of(&config(StorageKind::Memory, None)).unwrap(), None);
    }

    #[test]
    fn a_project_cannot_name_a_folder_elsewhere() {
        assert_eq!(name("prj_1-a"), "prj_1-a");
        for id in ["../other", "a/b", "a\\b", "C:", "", "..", "ä", &"a".repeat(101)] {
            let name = name(id);
            assert!(name.is_empty() == id.is_empty() && !name.contains(['/', '\\', ':', '.']), "{id} {name}");
        }
    }
}
