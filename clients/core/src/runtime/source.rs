//! What a machine says about itself.

use super::platform;

/// A text that is the machine's own and stays when the application or the system is updated; `None` where there is none that may be
/// used: in containers, whose images carry one id for all.
///
/// | system | source |
/// |---|---|
/// | Linux | `/etc/machine-id`, else `/var/lib/dbus/machine-id` |
/// | FreeBSD | `/etc/hostid` |
/// | Windows | `MachineGuid` of the registry, in its 64-bit view |
/// | macOS | the platform's UUID |
/// | others | none: a random text in the data folder stands for the machine |
pub fn machine_id() -> Option<String> {
    if is_container() {
        return None;
    }
    let files: &[&str] = match std::env::consts::OS {
        "linux" => &["/etc/machine-id", "/var/lib/dbus/machine-id"],
        "freebsd" => &["/etc/hostid"],
        _ => &[],
    };
    let read = |path: &&str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    files.iter().filter_map(read).chain(platform::machine_id()).find(|text| is_id(text))
}

/// Is it an id, and not what images have before they are first booted?
fn is_id(text: &str) -> bool {
    let digits: Vec<_> = text.bytes().filter(|b| *b != b'-').collect();
    digits.len() >= 32 && digits.iter().all(u8::is_ascii_hexdigit) && digits.iter().any(|b| *b != b'0')
}

fn is_container() -> bool {
    let marks = ["/.dockerenv", "/run/.containerenv"];
    if marks.iter().any(|path| std::path::Path::new(path).exists()) {
        return true;
    }
    let groups = std::fs::read_to_string("/proc/1/cgroup").unwrap_or_default();
    ["docker", "kubepods", "containerd", "lxc", "libpod"].iter().any(|word| groups.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_not_taken() {
        assert!(is_id("0123456789abcdef0123456789abcdef") && is_id("01234567-89ab-cdef-0123-456789abcdef"));
        for bad in ["", "uninitialized", "00000000000000000000000000000000", "0123", "0123456789abcdef0123456789abcdeg"]
        {
            assert!(!is_id(bad), "{bad}");
        }
        assert_eq!(machine_id(), machine_id());
    }
}
