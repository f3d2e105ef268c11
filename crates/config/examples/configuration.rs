//! Prints the page of the book that lists every key: `docs/configuration.md`.

fn main() {
    print!("{}", moldau_config::docs::markdown());
}
