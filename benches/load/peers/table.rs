//! Says what each of the peers can do here.

use super::verify::verify;
use super::{Kind, PEERS, Peer};

/// Tries every kind of work with every peer, and prints what came of it.
pub(crate) async fn print() {
    for peer in &PEERS {
        match peer.version() {
            Ok(version) => print_one(peer, &version).await,
            Err(why) => println!("peers: {} is left out: {why}", peer.name),
        }
    }
}

async fn print_one(peer: &Peer, version: &str) {
    for (kind, name) in Kind::ALL {
        let said = match verify(peer, kind).await {
            Ok(()) => "yes".to_owned(),
            Err(why) => format!("no: {why}"),
        };
        println!("peers: {} {version}, {name}: {said}", peer.name);
    }
}
