//! Work that may take its time on a thread that serves others too.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does work that waits for the disk; a worker of the runtime hands its other tasks over before.
pub(crate) fn unhurried<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_within_and_without_a_runtime() {
        assert_eq!(unhurried(|| 1), 1);
        let several =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        assert_eq!(
            several.block_on(async { tokio::spawn(async { unhurried(|| 2) }).await.expect("done") }),
            2
        );
        let one = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        assert_eq!(one.block_on(async { unhurried(|| 3) }), 3);
    }
}
