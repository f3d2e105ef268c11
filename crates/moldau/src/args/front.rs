//! Options of the cluster before the command: `moldau -b HOST:PORT topic list` is `moldau topic list -b HOST:PORT`.
//!
//! Always: only what stands before the first word that is no option is moved, to the end of the line or before `--`; whether
//! the command takes it is decided there, so that `moldau -b HOST:PORT serve` is refused as `moldau serve -b HOST:PORT` is.

use std::ffi::OsString;

/// The options of `ClusterArgs`, all of which take a value.
const SHORT: [char; 3] = ['b', 'X', 'o'];
const LONG: [&str; 5] = ["bootstrap-server", "profile", "command-config", "property", "output"];
/// What the program itself takes, with a value.
const STAYS: &str = "--log-format";

/// The line with the options of the cluster behind the command.
pub(crate) fn behind_the_command(line: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut line = line.into_iter();
    let mut stay: Vec<OsString> = line.next().into_iter().collect();
    let mut moved = Vec::new();
    let mut rest = Vec::new();
    while let Some(word) = line.next() {
        let text = word.to_str().unwrap_or_default();
        match option(text) {
            Some(whole) => {
                moved.push(word);
                if !whole {
                    moved.extend(line.next());
                }
            }
            None if text == STAYS => {
                stay.push(word);
                stay.extend(line.next());
            }
            None if text.starts_with('-') && text != "--" => stay.push(word),
            None => {
                rest.push(word);
                break;
            }
        }
    }
    rest.extend(line);
    if rest.is_empty() {
        // There is no command, and the help says so.
        return stay;
    }
    let end = rest.iter().position(|word| word == "--").unwrap_or(rest.len());
    rest.splice(end..end, moved);
    stay.into_iter().chain(rest).collect()
}

/// Whether a word is an option of the cluster, and then whether its value is in the same word.
fn option(word: &str) -> Option<bool> {
    if let Some(long) = word.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or_default();
        return LONG.contains(&name).then_some(long.contains('='));
    }
    let mut chars = word.strip_prefix('-')?.chars();
    let short = chars.next()?;
    SHORT.contains(&short).then_some(!chars.as_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(line: &str) -> String {
        let words = behind_the_command(line.split(' ').map(OsString::from));
        words.iter().map(|word| word.to_str().expect("UTF-8")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn options_of_the_cluster_before_the_command_were_refused_and_are_taken() {
        for (line, wanted) in [
            ("moldau -b h:1 topic list", "moldau topic list -b h:1"),
            ("moldau -bh:1 -o=json topic list", "moldau topic list -bh:1 -o=json"),
            (
                "moldau --bootstrap-server h:1 --output=json -X a=b topic list -p 1",
                "moldau topic list -p 1 --bootstrap-server h:1 --output=json -X a=b",
            ),
            ("moldau --log-format json -b h:1 cluster", "moldau --log-format json cluster -b h:1"),
            ("moldau -b h:1 topic delete -- -b", "moldau topic delete -b h:1 -- -b"),
            ("moldau topic list -b h:1", "moldau topic list -b h:1"),
            ("moldau consume t -o json", "moldau consume t -o json"),
            ("moldau --help", "moldau --help"),
            ("moldau --version", "moldau --version"),
            ("moldau -b h:1 --help", "moldau --help"),
            ("moldau -b h:1", "moldau"),
            ("moldau --unknown x", "moldau --unknown x"),
            ("moldau", "moldau"),
        ] {
            assert_eq!(moved(line), wanted, "{line}");
        }
    }
}
