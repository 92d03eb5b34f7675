//! Buttons, signing in, and the list of what was done.

use maud::{Markup, html};

use super::layout::{Page, Place};
use super::schedules::link;
use super::words::moment;
use crate::control::{ActionView, viewer};
use crate::read::{RunDetail, ScheduleView};

/// A button, and what it asks for.
struct Button<'a> {
    label: &'a str,
    action: &'a str,
    schedule: Option<&'a str>,
    run_id: Option<i64>,
    /// The same state has the same key. So two clicks on one button ask once.
    key: String,
}

/// What can be done with a run. Nothing without the right to do it.
pub(super) fn of_run(detail: &RunDetail) -> Markup {
    let run = &detail.run;
    let is_held = run.state == "running";
    let is_executed =
        detail.tick.as_ref().is_some_and(|tick| matches!(tick.state.as_str(), "running" | "waiting"));
    let button = |label, action| Button {
        label,
        action,
        schedule: None,
        run_id: Some(run.run_id),
        key: format!("{} {} {} {}", run.run_id, run.starts, run.failed, detail.dead_letters),
    };
    let mut buttons = Vec::new();
    if is_executed {
        buttons.push(button("Cancel this run", "cancel"));
    }
    if run.failed > 0 && !is_held {
        buttons.push(button("Retry failed pages", "retry_failed"));
    }
    if detail.dead_letters > 0 {
        buttons.push(button("Apply dead letters", "apply_dead_letters"));
    }
    row(&buttons)
}

/// What can be done with a schedule.
pub(super) fn of_schedule(schedule: &ScheduleView) -> Markup {
    let last = schedule.last.as_ref().map_or("", |tick| tick.due_at.as_str());
    let open = schedule.open.last().map_or("", |tick| tick.due_at.as_str());
    let button = |label, action| Button {
        label,
        action,
        schedule: Some(&schedule.schedule),
        run_id: None,
        key: format!(
            "{} {last} {open} {}",
            schedule.schedule,
            schedule.paused_at.as_deref().unwrap_or_default()
        ),
    };
    if !schedule.is_in_file {
        return html! {};
    }
    row(&[
        button("Run now", "run_now"),
        if schedule.paused_at.is_some() { button("Resume", "resume") } else { button("Pause", "pause") },
    ])
}

fn row(buttons: &[Button<'_>]) -> Markup {
    let Some(form_token) = viewer().form_token.filter(|_| !buttons.is_empty()) else { return html! {} };
    html! {
        div class="actions" {
            @for button in buttons {
                form method="post" action="/actions" {
                    input type="hidden" name="form_token" value=(form_token);
                    input type="hidden" name="action" value=(button.action);
                    input type="hidden" name="key" value=(button.key);
                    @if let Some(schedule) = button.schedule { input type="hidden" name="schedule" value=(schedule); }
                    @if let Some(run_id) = button.run_id { input type="hidden" name="run_id" value=(run_id); }
                    button type="submit" { (button.label) }
                }
            }
        }
    }
}

/// The person who looks at the page, for its head.
pub(super) fn signed_in() -> Markup {
    let viewer = viewer();
    html! {
        @if viewer.is_controlled {
            div class="viewer" {
                a href="/actions" { "Actions" }
                @match &viewer.name {
                    None => a href="/login" { "Sign in" },
                    Some(name) if viewer.has_session => form method="post" action="/logout" {
                        input type="hidden" name="form_token" value=(viewer.form_token.as_deref().unwrap_or_default());
                        span class="dim" { (name) } " "
                        button type="submit" class="plain-button" { "Sign out" }
                    },
                    Some(name) => span class="dim" { (name) },
                }
            }
        }
    }
}

pub(crate) fn login() -> Markup {
    let page = Page { title: "Sign in", events: None, place: Place::Nowhere };
    page.with(&html! {
        h1 { "Sign in" }
        p { "With a token of this server, you can run, pause, cancel and retry." }
        form class="filter" method="post" action="/login" {
            label { "Token" input name="token" type="password" required autocomplete="current-password" maxlength="200"; }
            button type="submit" { "Sign in" }
        }
    })
}

pub(crate) fn actions(actions: &[ActionView]) -> Markup {
    let page = Page { title: "Actions", events: None, place: Place::Nowhere };
    page.with(&html! {
        h1 { "Actions" }
        p class="dim" { "The last ones that somebody asked this process for. Its log has all of them." }
        @if actions.is_empty() { p { "Nobody has asked for anything yet." } } @else {
            div class="wide" tabindex="0" role="region" aria-label="Table of actions" {
                table {
                    thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "State" } th scope="col" { "Result" } } }
                    tbody {
                        @for action in actions {
                            tr {
                                td { (moment(&action.at)) }
                                td { (action.who) }
                                td { a href={ "/actions/" (action.id) } { (what(action)) } " " (target(action)) }
                                td { (state(action)) }
                                td class="told" { (result(action)) }
                            }
                        }
                    }
                }
            }
        }
    })
}

pub(crate) fn action(action: &ActionView) -> Markup {
    let title = what(action);
    let page = Page { title, events: None, place: Place::Nowhere };
    page.with(&html! {
        h1 { (title) " " (state(action)) }
        p { (target(action)) }
        @if action.state == "running" {
            p { "It goes on. " a href={ "/actions/" (action.id) } { "Look again" } }
        }
        (result(action))
        p class="dim" { "Asked for by " (action.who) ", " (moment(&action.at)) }
    })
}

fn what(action: &ActionView) -> &'static str {
    match action.action.as_str() {
        "run_now" => "Run now",
        "pause" => "Pause",
        "resume" => "Resume",
        "cancel" => "Cancel",
        "retry_failed" => "Retry failed pages",
        _ => "Apply dead letters",
    }
}

fn target(action: &ActionView) -> Markup {
    html! {
        @if let Some(schedule) = &action.schedule { "Schedule " (link(schedule)) }
        @if let Some(run_id) = action.run_id { "Run " a href={ "/runs/" (run_id) } { "#" (run_id) } }
    }
}

fn state(action: &ActionView) -> Markup {
    let class = match action.state.as_str() {
        "running" => "state running",
        "done" => "state good",
        _ => "state bad",
    };
    html! { span class=(class) { (action.state) } }
}

fn result(action: &ActionView) -> Markup {
    html! {
        @for line in action.text.as_deref().unwrap_or_default().lines() { p { (line) } }
        @if let Some(hint) = &action.hint { p class="hint" { (hint) } }
    }
}
