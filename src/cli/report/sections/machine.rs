//! Memory, what the system allowed, the machine and the configuration.

use super::section;
use crate::cli::report::page::Facts;
use crate::cli::units::{grouped, size};
use crate::words::plural;
use maud::{Markup, html};

/// All of it.
pub fn machine(f: &Facts<'_>) -> Markup {
    let (s, m) = (f.s, &f.s.memory);
    let row =
        |name: &str, value: &Markup| html! { tr { th scope="row" { (name) } td.t { (value) } } };
    let bytes = |n: u64| html! { data value=(n) { (size(n)) } };
    let body = html! {
        div.scroll {
            table.facts {
                tbody {
                    (row("processor", &html! { (f.machine.cpu) ", " (f.machine.cores.len()) " cores" }))
                    (row("system", &html! { (f.machine.kernel) }))
                    @if f.machine.memory_bytes > 0 { (row("memory of the machine", &bytes(f.machine.memory_bytes))) }
                    (row("pool", &html! {
                        (s.slots) " slots of " (bytes(s.slot_bytes as u64)) ", filled by " (s.fill) "; all pools "
                        (bytes(m.pool_bytes)) ", " (bytes(m.locked_bytes)) " locked, " (bytes(m.huge_bytes)) " on huge pages"
                    }))
                    (row("resident memory", &html! {
                        (bytes(m.rss_start)) " at start, " (bytes(m.rss_end)) " at end, " (bytes(m.rss_peak)) " at most"
                    }))
                    (row("steady state", &html! {
                        @match s.steady.allocations {
                            Some(n) => { data id="steady-allocations" value=(n) { (grouped(n)) } " allocation" (plural(n)) }
                            None => "allocations not counted"
                        }
                        ", " (grouped(s.steady.page_faults_major)) " major and " (grouped(s.steady.page_faults_minor))
                        " minor page faults on the line's threads after warm-up"
                    }))
                    @for r in &s.refusals {
                        (row("refused by the system", &html! { (r.what) ": " (r.reason) }))
                    }
                }
            }
        }
    };
    html! {
        (section("machine", "Machine and memory", "", &body))
        (section("configuration", "Configuration", "Everything decided; saved as config.toml it runs the same line again.",
            &html! { pre { @for table in f.job.toml.trim_end().split("\n\n") { code { (table) "\n\n" } } } }))
    }
}
