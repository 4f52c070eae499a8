//! The allocator of Tollgate's programs: jemalloc, which returns what long-lived connections of many sizes leave behind,
//! with options, and without an answer for want of memory where a small block is asked for.
//!
//! That there is always an answer is known when a program is compiled, and spares much. Rust makes a value on the stack
//! and copies all of it to its box, even the bytes that say nothing yet, where it could have to drop the value for want
//! of the box. The future of a request is 13 KiB of which a twentieth is in use when it is made: such copies were half of
//! the bytes that a proxied request moved about.
//!
//! This is the one crate with unsafe code: an allocator cannot be without. All that it does is to ask jemalloc.

use std::alloc::{GlobalAlloc, Layout, handle_alloc_error};

use tikv_jemallocator::Jemalloc;

/// Makes it that of a program, with jemalloc's options.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allocator;

/// What jemalloc reads before `main` begins; the name is jemalloc's.
///
/// A proxied request borrows a buffer of 64 KiB, twice what a thread keeps at hand by default; without `tcache_max`, each
/// goes back to the arena and is fetched from there again. And a thread looks over what it keeps each time that it has
/// allocated 64 KiB, which would be once or twice for each request: each look gives back what the next request asks for.
/// There are as many arenas as processors, and not four times as many: a reload works on a thread of its own, which
/// comes to another arena each time, and what the last one freed in its own would stand there unused.
// SAFETY: nothing else defines it, and it begins with the address of a text that ends with a zero, as jemalloc expects.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static OPTIONS: &[u8] = b"tcache_max:131072,tcache_gc_incr_bytes:16777216,narenas_ratio:1\0";

/// Blocks up to so many bytes are given, or the process ends, as it does wherever memory is not asked for with care.
/// Whoever asks for more with care, since somebody else names the size, is answered.
const SMALL: usize = 1024 * 1024;

// SAFETY: what is given is jemalloc's, and is given back to it with the layout that it was asked for with.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        given(unsafe { Jemalloc.alloc(layout) }, layout.size(), layout)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        given(unsafe { Jemalloc.alloc_zeroed(layout) }, layout.size(), layout)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { Jemalloc.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        given(unsafe { Jemalloc.realloc(block, layout, size) }, size, layout)
    }
}

/// Returns the block, which for a small one there always is.
#[inline]
fn given(block: *mut u8, size: usize, layout: Layout) -> *mut u8 {
    if block.is_null() && size <= SMALL {
        exhausted(size, layout.align());
    }
    block
}

/// Ends the process. That it does not unwind, its way of being called says to the compiler.
#[cold]
extern "C" fn exhausted(size: usize, align: usize) -> ! {
    handle_alloc_error(Layout::from_size_align(size, align).unwrap_or(Layout::new::<()>()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[global_allocator]
    static ALLOCATOR: Allocator = Allocator;

    #[test]
    fn what_is_given_can_be_used_and_grows() {
        let mut bytes = vec![0_u8; 100];
        assert!(bytes.iter().all(|byte| *byte == 0));
        bytes.extend((0..100_000).map(|number: u32| number.to_le_bytes()[0]));
        assert_eq!(bytes.len(), 100_100);
        assert_eq!(bytes.get(100..103), Some(&[0, 1, 2][..]));
    }

    #[test]
    fn who_asks_with_care_for_more_than_there_is_hears_so() {
        let mut bytes = Vec::<u8>::new();
        assert!(bytes.try_reserve_exact(1 << 60).is_err());
        bytes.push(1);
        assert!(bytes.try_reserve_exact(1 << 60).is_err());
        assert_eq!(bytes, [1]);
    }

    #[test]
    #[ignore = "takes all memory that it is let have: the test below starts it"]
    fn takes_all_memory() {
        let mut blocks = Vec::new();
        loop {
            let mut block = Vec::<u8>::new();
            if block.try_reserve_exact(SMALL).is_err() {
                return;
            }
            blocks.push(block);
        }
    }

    #[test]
    fn a_small_block_is_given_or_the_process_ends() {
        let program = std::env::current_exe().expect("this one");
        let run = Command::new("sh")
            .args([
                "-c",
                "ulimit -v 1000000; exec \"$0\" --ignored --exact tests::takes_all_memory",
            ])
            .arg(program)
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(
            !run.status.success() && said.contains("memory allocation of 1048576 bytes failed"),
            "{said}"
        );
    }
}
