//! Rebuilds when a migration is added: `sqlx::migrate!` reads a directory, which Cargo does not watch by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
