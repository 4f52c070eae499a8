//! Hands the allocator of the binary its options. They are a symbol, which this crate, without `unsafe`, cannot define.

fn main() {
    let source = "src/allocator.c";
    println!("cargo::rerun-if-changed={source}");
    for object in cc::Build::new().file(source).compile_intermediates() {
        println!("cargo::rustc-link-arg-bins={}", object.display());
        // The yardstick of the load test has the same allocator.
        println!("cargo::rustc-link-arg-benches={}", object.display());
    }
}
