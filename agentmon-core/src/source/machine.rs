//! Machines by their names: what this one is called, and whether an address leads to it.

use std::net::IpAddr;

/// What this machine calls itself, if the system tells.
#[must_use]
pub fn host_name() -> Option<String> {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_str()
        .map(str::to_owned);
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME");
    name.ok()
        .filter(|name| !name.is_empty() && name != "localhost")
}

/// Whether the host of an address, without brackets, is this machine. It may then be the end of a tunnel.
#[must_use]
pub fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}
