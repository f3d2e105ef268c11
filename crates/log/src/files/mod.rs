//! Files of a log directory: their names, how they are written whole, and handles that are opened when first used.

pub(crate) mod checkpoint;
mod handle;
pub(crate) mod hurry;
pub(crate) mod meta;
mod names;
mod whole;

pub(crate) use handle::LazyFile;
pub(crate) use names::{
    CLEANED_SUFFIX, DELETE_DIR_SUFFIX, DELETED_SUFFIX, FUTURE_DIR_SUFFIX, INDEX_SUFFIX, LOG_SUFFIX,
    SNAPSHOT_SUFFIX, STRAY_DIR_SUFFIX, SWAP_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, file_name,
    named_apart, offset_of_file_name, split_dir_name, split_future_dir_name,
};
pub(crate) use whole::{sync_dir, write_whole};
