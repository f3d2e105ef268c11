//! What a node tells of itself over HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use moldau_node_tests::{Node, read, write_numbers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const METRICS_PAGE: &str = include_str!("../../../../docs/metrics.md");
const NOT_HERE: &str = "## Not here";
/// The names of the reference's MBeans.
const MBEANS: &str = include_str!("fixtures/mbeans.tsv");
const MONITORING_PAGE: &str = include_str!("../../../../docs/operations/monitoring.md");
const DASHBOARD: &str = include_str!("../../../../deploy/grafana/moldau.json");

/// The status and body of an answer.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

/// A node with HTTP that has been used: a topic of two partitions, ten records, a group of one that read them.
async fn used_node() -> (Node, SocketAddr, String) {
    let node = Node::with(&[("moldau.http.listener", "127.0.0.1:0")]);
    let topic = node.topic("told", 2, &[]).await.expect("a topic");
    let producer = node.producer(&[]).await.expect("a producer");
    for partition in 0..2 {
        write_numbers(&producer, &topic, partition, 0..5).await.expect("written");
    }
    let mut consumer = node
        .consumer(&[("group.id", "told-group"), ("auto.offset.reset", "earliest")])
        .await
        .expect("a consumer");
    consumer.subscribe([topic.as_str()]).expect("subscribed");
    assert_eq!(read(&mut consumer, 10).await.len(), 10);
    consumer.commit().await.expect("committed");
    consumer.close().await.expect("closed");
    let http = node.http().expect("an address");
    (node, http, topic.to_string())
}

/// Value by series, `name{labels}`.
fn series(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            (series, value.parse().expect("a number"))
        })
        .collect()
}

#[tokio::test]
async fn a_scrape_tells_what_was_produced_consumed_and_committed() {
    let (_node, http, topic) = used_node().await;
    let (status, text) = get(http, "/metrics").await;
    assert_eq!(status, 200);
    let series = series(&text);
    let value = |name: String| *series.get(name.as_str()).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    let of_topic =
        |name: &str| value(format!("kafka_server_brokertopicmetrics_{name}_total{{topic=\"{topic}\"}}"));
    assert_eq!(of_topic("messagesin"), 10.0);
    assert_eq!(of_topic("bytesin"), of_topic("bytesout"));
    assert!(of_topic("bytesin") >= 2.0 * 61.0);
    assert!(of_topic("totalfetchrequests") >= 2.0);
    assert_eq!(value("kafka_server_brokertopicmetrics_messagesin_total".to_owned()), 10.0);
    assert_eq!(value("kafka_server_brokertopicmetrics_failedproducerequests_total".to_owned()), 0.0);
    for partition in 0..2 {
        let of_log = |name: &str| {
            value(format!("kafka_log_log_{name}{{topic=\"{topic}\",partition=\"{partition}\"}}"))
        };
        assert_eq!((of_log("logstartoffset"), of_log("logendoffset")), (0.0, 5.0));
        assert!(of_log("size") > 61.0);
    }
    assert_eq!(value("kafka_coordinator_group_groupmetadatamanager_numgroups".to_owned()), 1.0);
    assert_eq!(value("kafka_coordinator_group_groupmetadatamanager_numoffsets".to_owned()), 2.0);
    assert_eq!(value("kafka_controller_kafkacontroller_activecontrollercount".to_owned()), 1.0);
    assert_eq!(value("kafka_controller_kafkacontroller_globaltopiccount".to_owned()), 2.0);
    assert_eq!(
        value(
            "kafka_network_requestmetrics_requests_total{request=\"CreateTopics\",version=\"7\"}".to_owned()
        ),
        1.0
    );
    let joins = value("kafka_network_requestmetrics_totaltimems_count{request=\"JoinGroup\"}".to_owned());
    assert!(joins >= 1.0, "a request that waits is counted when it is answered");
    let part = |part: &str, api: &str| {
        value(format!("kafka_network_requestmetrics_{part}timems_sum{{request=\"{api}\"}}"))
    };
    let parts = ["requestqueue", "local", "remote"].map(|name| part(name, "JoinGroup"));
    let lost = part("total", "JoinGroup") - parts.iter().sum::<f64>();
    assert!(lost.abs() <= 0.01 * joins, "the parts make up the whole: {parts:?}");
    let errors = |api: &str, error: &str| {
        value(format!("kafka_network_requestmetrics_errors_total{{request=\"{api}\",error=\"{error}\"}}"))
    };
    assert_eq!(errors("CreateTopics", "NONE"), 1.0);
    assert!(errors("Produce", "NONE") >= 2.0);
    assert!(errors("JoinGroup", "MEMBER_ID_REQUIRED") >= 1.0);
}

/// As `moldau.durability=fsync` promises; other syncs come only with rolls and stops.
#[tokio::test]
async fn syncs_of_segments_are_timed() {
    let node = Node::with(&[("moldau.http.listener", "127.0.0.1:0"), ("moldau.durability", "fsync")]);
    let topic = node.topic("synced", 1, &[]).await.expect("a topic");
    write_numbers(&node.producer(&[]).await.expect("a producer"), &topic, 0, 0..5).await.expect("written");
    let (_, text) = get(node.http().expect("an address"), "/metrics").await;
    assert!(series(&text)["kafka_log_logflushstats_logflushrateandtimems_count"] >= 1.0, "{text}");
}

#[tokio::test]
async fn health_is_told_apart_from_readiness_and_other_paths_are_not_there() {
    let node = Node::with(&[("moldau.http.listener", "127.0.0.1:0")]);
    let http = node.http().expect("an address");
    assert_eq!(get(http, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(http, "/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(get(http, "/other").await.0, 404);
    assert_eq!(get(http, "/").await.0, 200);
}

/// The names of metrics in a scrape.
fn scraped_names(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

#[tokio::test]
async fn the_page_about_metrics_lists_each_of_them_and_no_other() {
    let (_node, http, _) = used_node().await;
    let (_, text) = get(http, "/metrics").await;
    let (here, _) = METRICS_PAGE.split_once(NOT_HERE).expect("what is not here stands last");
    let listed: BTreeSet<&str> = here
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| !name.starts_with('/'))
        .collect();
    assert_eq!(listed, scraped_names(&text));
}

/// The code in the cells of this column of a page's tables.
fn column(page: &str, at: usize) -> BTreeSet<&str> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(at));
    cells.filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`')).collect()
}

/// The MBeans of the reference that a page tells of in no way, and rows that are about none.
fn untold(page: &str, mbeans: &str) -> (Vec<String>, Vec<String>) {
    let (here, not_here) = page.split_once(NOT_HERE).expect("what is not here stands last");
    let (here, not_here) = (column(here, 3), column(not_here, 0));
    let mut used = BTreeSet::new();
    let mut untold = Vec::new();
    for line in mbeans.lines().filter(|line| !line.starts_with('#')) {
        let (mbean, attributes) = line.split_once('\t').unwrap_or((line, ""));
        let kind = mbean.split(",name=").next().expect("a type");
        let is_here = |name: &str| {
            let total = name.strip_suffix("-rate").map(|name| format!("{name}-total"));
            here.contains(name) || total.is_some_and(|total| here.contains(total.as_str()))
        };
        let names: Vec<String> = match attributes {
            "" => vec![mbean.to_owned()],
            attributes => attributes.split(',').map(|attribute| format!("{mbean} {attribute}")).collect(),
        };
        for name in names.into_iter().filter(|name| !is_here(name)) {
            let row = [name.as_str(), kind].into_iter().find(|row| not_here.contains(row));
            match row.map(str::to_owned) {
                Some(row) => drop(used.insert(row)),
                None => untold.push(name),
            }
        }
    }
    let idle = not_here.iter().filter(|row| !used.contains(**row)).map(|row| (*row).to_owned());
    (untold, idle.collect())
}

#[test]
fn metrics_of_the_reference_were_missing_without_a_word() {
    assert_eq!(untold(METRICS_PAGE, MBEANS), (Vec::new(), Vec::new()));
    let page = "| `a` | gauge |  | `k:type=A,name=One` | One. |\n| `b` | counter |  | `k:type=b c-total` | C. |\n## Not here\n\
                | `k:type=A,name=Two` | none |\n| `k:type=D` | none |\n";
    let mbeans =
        "k:type=A,name=One\nk:type=A,name=Three\nk:type=A,name=Two\nk:type=b\tc-rate,c-total,d-rate\n";
    let wanted = ["k:type=A,name=Three", "k:type=b d-rate"].map(str::to_owned).to_vec();
    assert_eq!(untold(page, mbeans), (wanted, vec!["k:type=D".to_owned()]));
}

/// The selectors of a query: metric names and the labels that they are matched or kept by.
fn selectors(expression: &promql_parser::parser::Expr, found: &mut Vec<(String, Vec<String>)>) {
    use promql_parser::parser::{Expr, LabelModifier};
    let mut note = |selector: &promql_parser::parser::VectorSelector| {
        let labels = selector.matchers.matchers.iter().map(|matcher| matcher.name.clone()).collect();
        found.push((selector.name.clone().expect("a metric's name"), labels));
    };
    match expression {
        Expr::Aggregate(aggregate) => {
            let first = found.len();
            selectors(&aggregate.expr, found);
            if let Some(LabelModifier::Include(kept)) = &aggregate.modifier {
                found[first..].iter_mut().for_each(|(_, labels)| labels.extend(kept.labels.iter().cloned()));
            }
        }
        Expr::Binary(binary) => {
            selectors(&binary.lhs, found);
            selectors(&binary.rhs, found);
        }
        Expr::Paren(inner) => selectors(&inner.expr, found),
        Expr::Unary(inner) => selectors(&inner.expr, found),
        Expr::Subquery(inner) => selectors(&inner.expr, found),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| selectors(argument, found)),
        Expr::VectorSelector(selector) => note(selector),
        Expr::MatrixSelector(matrix) => note(&matrix.vs),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
        Expr::Extension(_) => panic!("no extensions"),
    }
}

/// A panel that groups by a label that no series has shows one nameless line.
#[test]
fn labels_that_a_query_groups_by_were_not_looked_for() {
    let query = "sum by (le, request) (rate(a_bucket{api=\"x\"}[1m])) / sum without (topic) (b)";
    let mut found = Vec::new();
    selectors(&promql_parser::parser::parse(query).expect("a query"), &mut found);
    let wanted: [(&str, &[&str]); 2] = [("a_bucket", &["api", "le", "request"]), ("b", &[])];
    let found: Vec<(&str, Vec<&str>)> = found
        .iter()
        .map(|(name, labels)| (name.as_str(), labels.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(found, wanted.map(|(name, labels)| (name, labels.to_vec())));
}

fn expressions(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str() {
                    Some(text) if name == "expr" => found.push(text.to_owned()),
                    _ => expressions(field, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

/// The queries that a page shows between backticks in the first column of its tables.
fn queries_of_tables(page: &str) -> Vec<String> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    cells.map(|(query, _)| query.to_owned()).collect()
}

#[tokio::test]
async fn each_query_of_the_dashboard_and_the_page_parses_and_finds_its_metrics_and_labels_in_a_scrape() {
    let (_node, http, _) = used_node().await;
    let (_, text) = get(http, "/metrics").await;
    let scraped = series(&text);
    let mut queries = Vec::new();
    expressions(&serde_json::from_str(DASHBOARD).expect("JSON"), &mut queries);
    assert!(queries.len() > 20, "{}", queries.len());
    let shown = queries_of_tables(MONITORING_PAGE);
    assert!(shown.len() > 8, "{}", shown.len());
    // Prometheus itself makes `up`.
    queries.extend(shown.into_iter().filter(|query| !query.starts_with("up ")));
    for query in queries {
        let query = query.replace("$__rate_interval", "1m");
        let parsed = promql_parser::parser::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let mut found = Vec::new();
        selectors(&parsed, &mut found);
        assert!(!found.is_empty(), "{query}");
        for (name, labels) in found {
            // Prometheus itself adds the instance.
            let has = |series: &str| {
                let (of, its_labels) = series.split_once('{').unwrap_or((series, ""));
                of == name
                    && labels
                        .iter()
                        .filter(|label| *label != "instance")
                        .all(|l| its_labels.contains(&format!("{l}=\"")))
            };
            assert!(scraped.keys().any(|series| has(series)), "{query}: no {name} with {labels:?}");
        }
    }
}
