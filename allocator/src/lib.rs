//! The allocator of Tollgate's programs: jemalloc, which returns what long-lived connections of many sizes leave behind,
//! with our options. A small block is always given: where there is no memory for one, the process ends.
//!
//! That it is always given is known when a program is compiled, and spares much. Rust makes a value on the stack and
//! copies all of it to its box, even the bytes that say nothing yet, where it could have to drop the value for want of the
//! box. The future of a request is 13 KiB of which a twentieth is in use when it is made: such copies were half of the
//! bytes that a proxied request moved about.
//!
//! Unsafe code is here alone: an allocator cannot be without.

use std::alloc::{GlobalAlloc, Layout, handle_alloc_error};

use tikv_jemallocator::Jemalloc;

/// The global allocator: jemalloc, with [`OPTIONS`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Allocator;

/// What jemalloc reads before `main` begins; the name is jemalloc's.
///
/// A proxied request borrows a buffer of 64 KiB, twice what a thread keeps at hand by default; without `tcache_max`, each
/// goes back to the arena and is fetched from there again. And a thread looks over what it keeps each time that it has
/// allocated 64 KiB, which would be once or twice for each request: each look gives back what the next request asks for.
/// There are as many arenas as processors, and not four times as many: a reload works on a thread of its own, which
/// comes to another arena each time, and what the last one freed in its own would stand there unused.
// SAFETY: jemalloc's own is weak and gives way, and what it reads is the address of a text that ends with a zero.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static OPTIONS: &u8 = &TEXT[0];

static TEXT: &[u8; 64] = b"tcache_max:131072,tcache_gc_incr_bytes:16777216,narenas_ratio:1\0";

/// Blocks up to so many bytes are given, or the process ends, as it does wherever memory is not asked for with care.
/// Whoever asks with care for more, as somebody else named the size, is answered.
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
    use std::env;
    use std::hint::black_box;
    use std::process::Command;

    use super::*;

    #[global_allocator]
    static ALLOCATOR: Allocator = Allocator;

    /// As large as a page, and aligned like one.
    #[repr(align(4096))]
    struct Page([u8; 4096]);

    #[test]
    fn what_is_given_is_as_it_was_asked_for_and_grows() {
        for size in 1..1000 {
            drop(black_box(vec![1_u8; size]));
            let zeroed = black_box(vec![0_u8; size]);
            assert!(zeroed.iter().all(|byte| *byte == 0));
        }
        let mut bytes: Vec<u8> = Vec::new();
        bytes.extend((0..=255).cycle().take(100_000));
        assert!(bytes.iter().zip((0..=255).cycle()).all(|(one, other)| *one == other));
        let page = Box::new(Page([7; 4096]));
        assert_eq!((std::ptr::from_ref(&*page).addr() % 4096, page.0[4095]), (0, 7));
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
    fn a_small_block_is_given_or_the_process_ends() {
        if env::var_os(STARVED).is_some() {
            return starve();
        }
        let run = Command::new("sh")
            .args([
                "-c",
                "ulimit -c 0 && ulimit -v 1000000 && exec \"$0\" --exact --nocapture \"$1\"",
            ])
            .arg(env::current_exe().expect("this one"))
            .arg("tests::a_small_block_is_given_or_the_process_ends")
            .env(STARVED, "1")
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(
            !run.status.success() && said.contains("larger ones are refused"),
            "{said}"
        );
        assert!(said.contains("memory allocation of 1048576 bytes failed"), "{said}");
    }

    /// Takes all the memory that there is, in blocks a byte too large to be small, and then asks for a small one.
    fn starve() {
        let mut taken = Vec::with_capacity(4096);
        let block = |size| {
            let mut block = Vec::<u8>::new();
            block.try_reserve_exact(size).map(|()| block)
        };
        while let Ok(block) = block(SMALL + 1) {
            taken.push(block);
        }
        eprintln!("larger ones are refused");
        while let Ok(block) = block(SMALL) {
            taken.push(block);
        }
    }

    #[test]
    fn jemalloc_reads_our_options() {
        let run = Command::new(env::current_exe().expect("this one"))
            .arg("--list")
            .env("_RJEM_MALLOC_CONF", "confirm_conf:true")
            .output()
            .expect("this program");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(said.contains("tcache_gc_incr_bytes:16777216"), "{said}");
    }

    /// Set for the process that is to take all memory.
    const STARVED: &str = "TOLLGATE_TEST_STARVED";
}
