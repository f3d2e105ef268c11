//! What decoding allocates is bounded by the size of the input, whatever it says.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use moldau_protocol::testing::all;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::random::seed;

/// The system's allocator, counting what each thread holds and held at most.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(size: isize) {
    // A thread that ends may free after its counters are gone.
    let held = HELD.try_with(|held| {
        held.set(held.get() + size);
        held.get()
    });
    if let Ok(held) = held {
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held)));
    }
}

#[allow(unsafe_code)]
// Safety: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that this thread held above what it holds now, while `work` ran.
fn peak_of(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    PEAK.set(before);
    work();
    usize::try_from(PEAK.get() - before).expect("a peak is not below the start")
}

#[test]
fn no_input_makes_decoding_allocate_out_of_proportion() {
    let seed = seed();
    let mut rng = SmallRng::seed_from_u64(seed);
    for entry in all() {
        for version in [entry.min_version, entry.max_version] {
            let message =
                (entry.random_round_trip)(&mut rng, version).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            // A message, damaged so that a count is huge, and a long tail that could be very many small elements.
            for tail in [0u8, 1, 2, 0xff] {
                for damage in [0x7f, 0xff] {
                    let mut input = message.clone();
                    if !input.is_empty() {
                        let at = rng.random_range(0..input.len());
                        let to = (at + rng.random_range(1..5)).min(input.len());
                        input[at..to].fill(damage);
                    }
                    input.resize(input.len() + 50_000, tail);
                    let peak = peak_of(|| {
                        let _ = (entry.decode)(&input, version);
                    });
                    let limit = 64 * 1024 + 36 * input.len();
                    assert!(peak <= limit, "seed {seed}: {} version {version}: {peak} bytes", entry.name);
                }
            }
        }
    }
}
