//! Turns the events and spans of `tracing` into log lines.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use chrono::Utc;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::counts::level_name;
use super::line::{ABOUT, Line, cut};
use super::outputs::Outputs;
use crate::error_chain::chain;

/// Turns events into lines.
pub(super) struct Events(pub(super) Arc<Outputs>);

/// A span's fields, kept with it.
struct SpanFields(Fields);

/// Fields as they are recorded.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) message: String,
    named: Vec<(&'static str, Value)>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Events {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(SpanFields(fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(SpanFields(fields)) = span.extensions_mut().get_mut() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = Line {
            at: Utc::now(),
            level: level_name(*event.metadata().level()),
            target: target(event),
            message: fields.message,
            fields: fields.named,
        };
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(SpanFields(fields)) = span.extensions().get() {
                // The spans need not repeat what every line says about the process.
                for (name, value) in fields.named.iter().filter(|(name, _)| !ABOUT.contains(name)) {
                    line.add(name, value.clone());
                }
            }
        }
        self.0.send(&line);
    }
}

/// The module that logged, even if it used the `log` crate.
pub(super) fn target(event: &Event<'_>) -> Cow<'static, str> {
    match event.normalized_metadata() {
        Some(metadata) => Cow::Owned(metadata.target().to_owned()),
        None => Cow::Borrowed(event.metadata().target()),
    }
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        let name = field.name();
        match value {
            Value::String(text) if name == "message" => self.message = cut(text),
            // For a line from the `log` crate, the target says where it comes from.
            _ if name.starts_with("log.") => {}
            value => match self.named.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => self.named.push((name, value)),
            },
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    /// The milliseconds of a `Duration` are a `u128`.
    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.set(field, value.into()),
            Err(_) => self.set(field, value.to_string().into()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, cut(value.to_owned()).into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.set(field, cut(chain(value)).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, cut(format!("{value:?}")).into());
    }
}
