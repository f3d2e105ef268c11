//! The signals that ask a process to stop.
//!
//! Always: the first one asks for an end in good order, a second one for an end at once.

use crate::failure::Failure;

/// SIGTERM and SIGINT; one that comes while nobody waits is there for the next to wait.
pub(crate) struct StopSignals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    /// How many came.
    seen: u32,
}

impl StopSignals {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?,
            seen: 0,
        })
    }

    /// Waits for the next one; its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        #[cfg(unix)]
        let name = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        };
        #[cfg(not(unix))]
        let name = {
            let _ = tokio::signal::ctrl_c().await;
            "Ctrl-C"
        };
        self.seen += 1;
        name
    }

    /// Waits for work that is to come to its end; a second signal ends it, and `left` says what then is not known or done.
    pub(crate) async fn unless_again<T>(
        &mut self,
        work: impl Future<Output = T>,
        left: &str,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            signal = self.again() => Err(Failure::said_no(format!("{signal} again: ended at once; {left}"))),
        }
    }

    /// Whether one has come.
    pub(crate) fn is_asked(&self) -> bool {
        self.seen > 0
    }

    async fn again(&mut self) -> &'static str {
        loop {
            let signal = self.next().await;
            if self.seen > 1 {
                return signal;
            }
        }
    }
}
