//! The metadata log among controllers, with snapshots.
