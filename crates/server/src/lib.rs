//! Sockets, request handlers, broker and controller lifecycle.
