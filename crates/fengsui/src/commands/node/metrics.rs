//! A running node's numbers for Prometheus, in its text format 0.0.4. `docs/metrics.md` says what each of them means.

use std::fmt;
use std::time::Duration;

use fengsui_event::Timestamp;
use fengsui_node::station::status::Status;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

pub use prometheus_text::CONTENT_TYPE;

/// The numbers of a node at a moment.
pub fn text(status: &Status, now: Timestamp) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("fengsui");
    registry.register_collector(Box::new(Numbers { status: status.clone(), now }));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Numbers {
    status: Status,
    now: Timestamp,
}

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        self.itself(to)?;
        self.broker(to)?;
        self.log(to)?;
        self.outbox(to)?;
        self.checkpoints(to)?;
        self.alarms(to)
    }
}

impl Numbers {
    fn itself(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Status { version, region, agency, started, written, memory_bytes, .. } = &self.status;
        let region = region.to_string();
        let labels = [("version", version.as_str()), ("region", region.as_str()), ("agency", agency.as_str())];
        family(to, "build_info", "The program's version and whose node it is", &[(&labels, 1)])?;
        gauge(to, "start_time_seconds", "When the node was started, in Unix time", started.as_second())?;
        gauge(to, "status_time_seconds", "When the node last said how it is, in Unix time", written.as_second())?;
        let healthy = self.status.health(self.now).is_none();
        gauge(to, "healthy", "1 while the process is well, as /healthz says", i64::from(healthy))?;
        let ready = self.status.readiness(self.now).is_none();
        gauge(to, "ready", "1 while the node can be asked, as /readyz says", i64::from(ready))?;
        match memory_bytes {
            Some(bytes) => gauge(to, "memory_bytes", "Resident memory of the process", signed(*bytes)),
            None => Ok(()),
        }
    }

    fn broker(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let broker = &self.status.broker;
        gauge(to, "broker_connected", "1 while the stream can be reached", i64::from(broker.connected))?;
        counter(to, "broker_reconnects", "Connections that were made again", broker.reconnects)?;
        counter(to, "broker_resubscriptions", "Silent consumers that were replaced", broker.resubscribed)
    }

    fn log(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let log = &self.status.log;
        let position =
            |part: &'static str, position: u64| ([("part", part)], i64::try_from(position).unwrap_or(i64::MAX));
        let positions = [position("stream", log.stream), position("copy", log.copy), position("tables", log.applied)];
        let rows: Vec<(&[(&str, &str)], i64)> = positions.iter().map(|(label, value)| (&label[..], *value)).collect();
        family(to, "log_position", "Last position of the stream, of the copy and of the tables", &rows)?;
        gauge(to, "log_lag", "Positions by which the tables are behind the stream", signed(log.lag))?;
        let stalled = Duration::from_millis(log.stalled_ms).as_secs_f64();
        gauge(to, "log_stalled_seconds", "For how long the tables are behind without moving", stalled)?;
        counter(to, "events_folded", "Events that the tables are drawn from", log.applied)?;
        counter(to, "events_without_effect", "Events among them that had no effect", log.without_effect)
    }

    fn outbox(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let outbox = &self.status.outbox;
        gauge(to, "outbox_pending", "Events that are not known to be on the stream", signed(outbox.pending))?;
        let waited = outbox.oldest.map_or(0, |oldest| self.now.duration_since(oldest).as_secs().max(0));
        gauge(
            to,
            "outbox_oldest_seconds",
            "For how long the first pending event has waited; 0 when none does",
            waited,
        )?;
        counter(to, "outbox_sent", "Events published since the folder was made", outbox.sent)?;
        gauge(to, "chain_sequence", "Number of the last event in the node's own chain", signed(outbox.sequence))
    }

    fn checkpoints(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let checkpoints = &self.status.checkpoints;
        let part = |part: &'static str, size: u64| ([("part", part)], signed(size));
        let sizes = [
            part("newest", checkpoints.newest),
            part("witnessed", checkpoints.witnessed),
            part("own", checkpoints.own),
        ];
        let rows: Vec<(&[(&str, &str)], i64)> = sizes.iter().map(|(label, value)| (&label[..], *value)).collect();
        family(to, "checkpoint_size", "Positions that the newest checkpoint covers, by who has cosigned it", &rows)?;
        let uncovered = "Events other than checkpoints that the newest checkpoint does not cover";
        gauge(to, "checkpoint_uncovered", uncovered, signed(checkpoints.uncovered))?;
        let unwitnessed = "Events other than checkpoints that no checkpoint with enough cosignatures covers";
        gauge(to, "checkpoint_unwitnessed", unwitnessed, signed(checkpoints.unwitnessed))
    }

    fn alarms(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let alarms = &self.status.alarms;
        gauge(to, "alarms", "What somebody must see to, counted", signed(alarms.len() as u64))?;
        if alarms.is_empty() {
            return Ok(());
        }
        let labels: Vec<[(&str, &str); 1]> = alarms.iter().map(|alarm| [("code", alarm.code.as_str())]).collect();
        let rows: Vec<(&[(&str, &str)], i64)> = labels.iter().map(|label| (&label[..], 1)).collect();
        family(to, "alarm", "1 for each thing that somebody must see to", &rows)
    }
}

/// Gauges are signed; no count here comes near the end.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn gauge<N>(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: N) -> fmt::Result
where
    ConstGauge<N>: EncodeMetric,
{
    ConstGauge::new(value).encode(to.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

/// The encoder adds `_total` to the name.
fn counter(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    ConstCounter::new(value).encode(to.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn family(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, rows: &[(&[(&str, &str)], i64)]) -> fmt::Result {
    let mut metric = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in rows {
        ConstGauge::new(*value).encode(metric.encode_family(labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::commands::node::example;

    /// The samples of a text: name with labels, and value. Anything that the format does not allow is refused.
    fn samples(text: &str) -> Vec<(&str, &str)> {
        let mut described = "";
        let mut samples = Vec::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                described = help.split_once(' ').unwrap().0;
                continue;
            }
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, described, "help and type belong together");
                assert!(matches!(kind, "gauge" | "counter"), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                continue;
            }
            let (name, value) = line.rsplit_once(' ').unwrap();
            let plain = name.split('{').next().unwrap();
            assert_eq!(plain, described, "{line} stands under its own description");
            assert!(plain.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
            value.parse::<f64>().unwrap();
            assert!(!samples.iter().any(|(known, _)| *known == name), "{name} stands twice");
            samples.push((name, value));
        }
        assert!(text.ends_with('\n'));
        samples
    }

    #[test]
    fn every_number_of_the_status_is_there() {
        let (status, now) = example();
        let text = text(&status, now).unwrap();
        let samples = samples(&text);
        let check = |name: &str, value: &str| {
            let found = samples.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            assert_eq!(found, Some(value), "{name} in\n{text}");
        };
        check("fengsui_build_info{version=\"0.1.0\",region=\"350600\",agency=\"fire\"}", "1");
        check("fengsui_start_time_seconds", "1800000000");
        check("fengsui_status_time_seconds", "1800000100");
        check("fengsui_healthy", "1");
        check("fengsui_ready", "0");
        check("fengsui_memory_bytes", "52428800");
        check("fengsui_broker_connected", "0");
        check("fengsui_broker_reconnects_total", "3");
        check("fengsui_broker_resubscriptions_total", "1");
        check("fengsui_log_position{part=\"stream\"}", "120");
        check("fengsui_log_position{part=\"copy\"}", "118");
        check("fengsui_log_position{part=\"tables\"}", "117");
        check("fengsui_log_lag", "3");
        check("fengsui_log_stalled_seconds", "1.5");
        check("fengsui_events_folded_total", "117");
        check("fengsui_events_without_effect_total", "2");
        check("fengsui_outbox_pending", "4");
        check("fengsui_outbox_oldest_seconds", "41");
        check("fengsui_outbox_sent_total", "60");
        check("fengsui_chain_sequence", "64");
        check("fengsui_checkpoint_size{part=\"newest\"}", "110");
        check("fengsui_checkpoint_size{part=\"witnessed\"}", "100");
        check("fengsui_checkpoint_size{part=\"own\"}", "110");
        check("fengsui_checkpoint_uncovered", "5");
        check("fengsui_checkpoint_unwitnessed", "13");
        check("fengsui_alarms", "1");
        check("fengsui_alarm{code=\"missing\"}", "1");
        assert_eq!(samples.len(), 27, "{text}");
    }

    #[test]
    fn a_node_that_is_well_has_no_alarm_and_no_reason_not_to_be_asked() {
        let (mut status, now) = example();
        status.alarms.clear();
        status.broker.connected = true;
        status.outbox.oldest = None;
        let text = text(&status, now).unwrap();
        let samples = samples(&text);
        for expected in [("fengsui_ready", "1"), ("fengsui_alarms", "0"), ("fengsui_outbox_oldest_seconds", "0")] {
            assert!(samples.contains(&expected), "{expected:?} in\n{text}");
        }
        assert!(!text.contains("fengsui_alarm{"), "{text}");
    }

    #[test]
    fn the_page_of_metrics_names_every_one() {
        let (status, now) = example();
        let page = include_str!("../../../../../docs/metrics.md");
        let text = text(&status, now).unwrap();
        for (name, _) in samples(&text) {
            let plain = name.split('{').next().unwrap();
            assert!(page.contains(&format!("`{plain}")), "docs/metrics.md lacks {plain}");
        }
    }
}
