//! Says what each of the peers can do here.

use super::verify::verify;
use super::{Absent, Fault, Kind, PEERS, Peer};

/// Tries every kind of work with every peer, and prints what came of it.
///
/// # Errors
///
/// Says so when one that is installed was meant to do a work and does not.
pub(crate) async fn print() -> Result<(), Fault> {
    let mut broken = 0;
    for peer in &PEERS {
        match peer.version() {
            Ok(version) => broken += print_one(peer, &version).await,
            Err(why) => println!("peers: {} is left out: {why}", peer.name),
        }
    }
    match broken {
        0 => Ok(()),
        _ => Err(format!("peers: {broken} do not do what their configurations say").into()),
    }
}

/// Returns how many works it was meant to do and does not.
async fn print_one(peer: &Peer, version: &str) -> usize {
    let mut broken = 0;
    for (kind, name) in Kind::ALL {
        let said = match verify(peer, kind).await {
            Ok(()) => "yes".to_owned(),
            Err(why @ (Absent::Missing(_) | Absent::Unable(_))) => format!("no: {why}"),
            Err(why @ (Absent::Refused(_) | Absent::Wrong(_) | Absent::Failed(_))) => {
                broken += 1;
                format!("no: {why}")
            }
        };
        println!("peers: {} {version}, {name}: {said}", peer.name);
    }
    broken
}
