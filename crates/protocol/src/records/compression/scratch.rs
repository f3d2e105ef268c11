//! Buffers and codec contexts that are kept by thread, so that a batch costs no allocation.
//!
//! A lease owns its scratch until it is dropped, then the dropping thread keeps it; what grew beyond
//! the bounds below is freed first, so an idle thread holds less than [`KEPT_BYTES`] and one context each way.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Size of the window that decompressed bytes pass through.
pub(super) const WINDOW_BYTES: usize = 64 << 10;
/// A buffer or context larger than this is not kept.
const KEPT_BYTES: usize = 4 << 20;
/// Buffers are kept up to this size.
const KEPT_BUFFER_BYTES: usize = 256 << 10;
/// Scratches kept by a thread: decompression and compression at the same time (recompression) need two.
const KEPT: usize = 2;

/// What codecs need while they run.
#[derive(Default)]
pub(super) struct Scratch {
    /// Decompressed bytes, always initialised to its length.
    pub(super) window: Vec<u8>,
    /// Input not yet large enough for a block, or the last 64 KiB of output that linked lz4 blocks refer to.
    pub(super) block: Vec<u8>,
    pub(super) inflate: Option<Box<flate2::Decompress>>,
    pub(super) deflate: Option<Box<flate2::Compress>>,
    pub(super) zstd_decoder: Option<zstd::zstd_safe::DCtx<'static>>,
    pub(super) zstd_encoder: Option<zstd::zstd_safe::CCtx<'static>>,
    pub(super) lz4_table: Option<lz4_flex::block::CompressTable>,
}

thread_local! {
    static POOL: RefCell<Vec<Scratch>> = const { RefCell::new(Vec::new()) };
}

/// A scratch on loan.
pub(super) struct Lease(Scratch);

impl Lease {
    pub(super) fn take() -> Self {
        Lease(POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten().unwrap_or_default())
    }
}

impl Deref for Lease {
    type Target = Scratch;
    fn deref(&self) -> &Scratch {
        &self.0
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Scratch {
        &mut self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut scratch = std::mem::take(&mut self.0);
        if scratch.window.capacity() > KEPT_BUFFER_BYTES {
            scratch.window = Vec::new();
        }
        if scratch.block.capacity() > KEPT_BUFFER_BYTES {
            scratch.block = Vec::new();
        }
        scratch.block.clear();
        if scratch.zstd_decoder.as_ref().is_some_and(|context| context.sizeof() > KEPT_BYTES) {
            scratch.zstd_decoder = None;
        }
        if scratch.zstd_encoder.as_ref().is_some_and(|context| context.sizeof() > KEPT_BYTES) {
            scratch.zstd_encoder = None;
        }
        // A thread that is ending has no pool any more: the scratch is freed.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < KEPT {
                pool.push(scratch);
            }
        });
    }
}
