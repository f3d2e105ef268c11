//! What the clients have counted and measured, as Kafka's performance tools print it (`--print-metrics`).

use std::collections::BTreeMap;

use moldau_client::Metric;
use serde_json::{Value, json};

/// The figures of the clients of one measurement.
#[derive(Default)]
pub(super) struct ClientMetrics(BTreeMap<String, f64>);

impl ClientMetrics {
    /// Takes a client's figures, if they are asked for.
    pub(super) fn take(&mut self, wanted: bool, client_id: &str, metrics: impl FnOnce() -> Vec<Metric>) {
        if wanted {
            let named = |metric: Metric| (name(client_id, &metric), metric.value);
            self.0.extend(metrics().into_iter().map(named));
        }
    }

    /// One object; a figure of nothing is null.
    pub(super) fn json(&self) -> Value {
        let value =
            |value: &f64| if value.is_finite() { json!(super::report::round(*value)) } else { Value::Null };
        self.0
            .iter()
            .map(|(name, figure)| (name.clone(), value(figure)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// A line for each, by name; empty if there is none.
    pub(super) fn text(&self) -> String {
        let Some(width) = self.0.keys().map(String::len).max() else { return String::new() };
        let mut text = format!("\n{:width$}   Value\n", "Metric Name");
        for (name, value) in &self.0 {
            text.push_str(&format!("{name:width$} : {value:.3}\n"));
        }
        text
    }
}

/// `group:name:{tags}`, as Kafka's tools name a figure.
fn name(client_id: &str, metric: &Metric) -> String {
    let mut tags = format!("client-id={client_id}");
    for (tag, value) in &metric.tags {
        tags.push_str(&format!(", {tag}={value}"));
    }
    format!("{}:{}:{{{tags}}}", metric.group, metric.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_kafkas_long_names_in_their_order() {
        let metric = |name, tags, value| {
            let mut metric = Metric::new("g", name, value);
            metric.tags = tags;
            metric
        };
        let mut metrics = ClientMetrics::default();
        metrics.take(false, "c", || panic!("not asked for"));
        assert_eq!(metrics.text(), "");
        metrics.take(true, "c", || {
            vec![metric("b", vec![("topic", "t".to_owned())], 1.5), metric("a", Vec::new(), f64::NAN)]
        });
        let wanted = "\nMetric Name                  Value\n\
                      g:a:{client-id=c}          : NaN\n\
                      g:b:{client-id=c, topic=t} : 1.500\n";
        assert_eq!(metrics.text(), wanted);
        assert_eq!(metrics.json(), json!({"g:a:{client-id=c}": null, "g:b:{client-id=c, topic=t}": 1.5}));
    }
}
