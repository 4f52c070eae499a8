//! Rebuilds when a migration or a file of the console is added: `sqlx::migrate!` and `include_dir!` read directories,
//! which Cargo does not watch by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=console");
}
