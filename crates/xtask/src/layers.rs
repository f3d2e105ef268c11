//! Which crate may use which.
//!
//! What always holds: dependencies point only upward in this table, directly or through others. Every crate of the
//! workspace stands in it, and in the code map.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

/// Each crate and those it may use; what these may use it may too.
const LAYERS: &[(&str, &[&str])] = &[
    ("moldau-types", &[]),
    ("moldau-protocol", &["moldau-types"]),
    ("moldau-config", &["moldau-types"]),
    ("moldau-log", &["moldau-protocol", "moldau-config"]),
    ("moldau-metadata", &["moldau-protocol", "moldau-config"]),
    ("moldau-controller", &["moldau-metadata"]),
    ("moldau-quorum", &["moldau-metadata", "moldau-log"]),
    ("moldau-coordinator", &["moldau-metadata"]),
    ("moldau-coordinator-runtime", &["moldau-coordinator", "moldau-log"]),
    ("moldau-replication", &["moldau-log", "moldau-metadata"]),
    ("moldau-auth", &["moldau-protocol", "moldau-config"]),
    ("moldau-security", &["moldau-metadata", "moldau-auth"]),
    (
        "moldau-server",
        &[
            "moldau-controller",
            "moldau-quorum",
            "moldau-coordinator-runtime",
            "moldau-replication",
            "moldau-security",
        ],
    ),
    ("moldau-client", &["moldau-protocol", "moldau-config", "moldau-auth"]),
    ("moldau-streams", &["moldau-client"]),
    ("moldau-connect", &["moldau-client"]),
    ("moldau-registry", &["moldau-client"]),
    ("moldau-console", &["moldau-client"]),
    ("moldau", &["moldau-server", "moldau-streams", "moldau-connect", "moldau-registry", "moldau-console"]),
    // for development only
    ("moldau-testkit", &["moldau"]),
    ("moldau-node-tests", &["moldau-server", "moldau-client"]),
    ("moldau-differential", &["moldau-protocol", "moldau-node-tests"]),
    ("moldau-bench", &["moldau-protocol"]),
    ("xtask", &[]),
    // stands in for a dependency of openraft's
    ("base2histogram", &[]),
];

/// Every dependency that the table does not allow, and every package that it does not know.
pub(crate) fn problems(metadata: &Value) -> Result<Vec<String>> {
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let ours: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let allowed = closure(LAYERS);
    let mut problems = Vec::new();
    for package in packages {
        let name = package["name"].as_str().context("a package without a name")?;
        let Some(allowed) = allowed.get(name) else {
            problems.push(format!("{name}: the table of layers does not know this crate"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // tests may use what they like
            let (Some(on), true) = (dependency["name"].as_str(), dependency["kind"].is_null()) else {
                continue;
            };
            if ours.contains(on) && !allowed.contains(on) {
                problems.push(format!("{name} must not use {on}: it is not below it in the table of layers"));
            }
        }
    }
    Ok(problems)
}

/// Every package that the code map says nothing of: its folder, such as `crates/log`, stands nowhere between backticks.
pub(crate) fn unnamed(metadata: &Value, map: &str) -> Result<Vec<String>> {
    let root = metadata["workspace_root"].as_str().context("cargo metadata has no root")?;
    let mut problems = Vec::new();
    for package in metadata["packages"].as_array().context("cargo metadata has no packages")? {
        let manifest = package["manifest_path"].as_str().context("a package without a manifest")?;
        let folder = manifest
            .strip_prefix(root)
            .and_then(|path| path.trim_start_matches(['/', '\\']).strip_suffix("Cargo.toml"))
            .context("a package outside the workspace")?
            .replace('\\', "/");
        let folder = folder.trim_end_matches('/');
        if !map.contains(&format!("`{folder}`")) {
            problems.push(format!("ARCHITECTURE.md: `{folder}` is a member of the workspace and not named"));
        }
    }
    Ok(problems)
}

/// Every crate that each may use, directly or through others. Rows only name crates of earlier rows.
fn closure(layers: &[(&'static str, &[&'static str])]) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, uses) in layers {
        let through = uses.iter().flat_map(|used| all.get(used).into_iter().flatten().copied());
        let reached = uses.iter().copied().chain(through).collect();
        all.insert(name, reached);
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{LAYERS, closure, problems, unnamed};

    fn package(name: &str, uses: &[&str]) -> serde_json::Value {
        let dependencies: Vec<_> = uses.iter().map(|used| json!({"name": used, "kind": null})).collect();
        json!({"name": name, "dependencies": dependencies})
    }

    #[test]
    fn what_a_used_crate_uses_may_be_used_too() {
        let all = closure(LAYERS);
        assert!(all["moldau-quorum"].contains("moldau-types"));
        assert!(all["moldau-server"].contains("moldau-coordinator"));
        assert!(!all["moldau-controller"].contains("moldau-log"));
    }

    #[test]
    fn rows_name_only_earlier_rows() {
        for (at, (name, uses)) in LAYERS.iter().enumerate() {
            for used in *uses {
                assert!(LAYERS[..at].iter().any(|(earlier, _)| earlier == used), "{name} uses {used}");
            }
        }
    }

    #[test]
    fn a_dependency_downward_is_named() {
        let metadata = json!({"packages": [
            package("moldau-types", &["moldau-log", "anyhow"]),
            package("moldau-log", &["moldau-types"]),
            package("moldau-odd", &[]),
        ]});
        let problems = problems(&metadata).unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("moldau-types must not use moldau-log"));
        assert!(problems[1].starts_with("moldau-odd"));
    }

    #[test]
    fn a_member_that_the_code_map_leaves_out_is_named() {
        let metadata = json!({"workspace_root": "/x", "packages": [
            {"manifest_path": "/x/crates/log/Cargo.toml"},
            {"manifest_path": "/x/bench/Cargo.toml"},
        ]});
        assert_eq!(unnamed(&metadata, "### `crates/log`\n`bench`").unwrap(), Vec::<String>::new());
        let problems = unnamed(&metadata, "`crates/log-more` and `bench/src/main.rs`").unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("`crates/log` is a member"), "{problems:?}");
    }

    #[test]
    fn tests_may_use_what_they_like() {
        let metadata = json!({"packages": [
            {"name": "moldau-types", "dependencies": [{"name": "moldau-log", "kind": "dev"}]},
            package("moldau-log", &[]),
        ]});
        assert_eq!(problems(&metadata).unwrap(), Vec::<String>::new());
    }
}
