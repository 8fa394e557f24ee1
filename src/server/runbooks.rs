//! Runbooks as MCP prompts: what an SRE would do, step by step, with the tools that this server has.
//!
//! A step whose tools are switched off is left out, and a runbook that makes no sense without a tool isn't listed without it: a model that is
//! told to use what it doesn't have makes something up.

mod texts;

use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};
use serde_json::Value;

use super::Catalogue;

use texts::{ACCOUNT, RUNBOOKS};

/// More than any name in AWS, and no room for a text that would pass for a step.
const LONGEST_ARGUMENT: usize = 512;

/// A procedure.
struct Runbook {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    arguments: &'static [Argument],
    /// Without one of these it isn't there.
    needs: &'static [&'static str],
    steps: &'static [Step],
}

/// What a runbook is told.
struct Argument {
    name: &'static str,
    description: &'static str,
    /// What it says when it is left out; `None` if it can't be.
    default: Option<&'static str>,
}

/// One step, and the tools it names.
struct Step {
    tools: &'static [&'static str],
    text: &'static str,
}

/// The runbooks that this server's tools can follow.
pub(super) fn list(catalogue: &Catalogue) -> Vec<Prompt> {
    let usable = RUNBOOKS.iter().filter(|runbook| missing(runbook, catalogue).is_none());
    usable.map(shown).collect()
}

/// A runbook with its arguments filled in.
///
/// # Errors
/// No such runbook, tools of it that are switched off, or arguments that it doesn't have, lacks or can't take: as a sentence.
pub(super) fn get(catalogue: &Catalogue, name: &str, arguments: &JsonObject) -> Result<GetPromptResult, String> {
    let Some(runbook) = RUNBOOKS.iter().find(|runbook| runbook.name == name) else {
        return Err(format!("no such prompt `{name}`; prompts/list shows them"));
    };
    if let Some(tool) = missing(runbook, catalogue) {
        return Err(format!(
            "`{name}` needs the tool `{tool}`, which this server's settings switch off"
        ));
    }
    if let Some(unknown) = arguments
        .keys()
        .find(|key| runbook.arguments.iter().all(|a| a.name != *key))
    {
        let names: Vec<&str> = runbook.arguments.iter().map(|a| a.name).collect();
        return Err(format!(
            "`{name}` has no argument `{unknown}`; it has {}",
            names.join(", ")
        ));
    }
    let mut values = Vec::new();
    for argument in runbook.arguments {
        values.push((argument.name, value(argument, arguments)?));
    }
    let filled = |text: &str| {
        let fill = |text: String, (name, value): &(&str, &str)| text.replace(&format!("{{{name}}}"), value);
        values.iter().fold(text.to_owned(), fill)
    };
    let steps = runbook
        .steps
        .iter()
        .filter(|step| step.tools.iter().all(|tool| catalogue.get(tool).is_some()));
    let mut text = format!("{}. {}.\n", runbook.title, runbook.description);
    for (number, step) in (1..).zip(steps) {
        text += &format!("\n{number}. {}", filled(step.text));
    }
    let message = PromptMessage::new_text(Role::User, text);
    Ok(GetPromptResult::new(vec![message]).with_description(runbook.description))
}

/// Whether an argument of a runbook is an account's name, for clients that complete it.
pub(super) fn asks_for_account(name: &str, argument: &str) -> bool {
    let runbook = RUNBOOKS.iter().find(|runbook| runbook.name == name);
    argument == ACCOUNT.name && runbook.is_some_and(|r| r.arguments.iter().any(|a| a.name == argument))
}

fn shown(runbook: &Runbook) -> Prompt {
    let argument = |a: &Argument| {
        let shown = PromptArgument::new(a.name).with_description(a.description);
        shown.with_required(a.default.is_none())
    };
    let arguments = runbook.arguments.iter().map(argument).collect();
    Prompt::new(runbook.name, Some(runbook.description), Some(arguments)).with_title(runbook.title)
}

/// The first tool that a runbook can't do without and this server hasn't.
fn missing(runbook: &Runbook, catalogue: &Catalogue) -> Option<&'static str> {
    runbook.needs.iter().find(|tool| catalogue.get(tool).is_none()).copied()
}

fn value<'a>(argument: &Argument, given: &'a JsonObject) -> Result<&'a str, String> {
    let name = argument.name;
    let text = match given.get(name) {
        None => {
            return argument
                .default
                .ok_or_else(|| format!("`{name}` is missing: {}", argument.description));
        }
        Some(Value::String(text)) => text.trim(),
        Some(_) => return Err(format!("`{name}` must be a string")),
    };
    match text.is_empty() || text.len() > LONGEST_ARGUMENT || text.contains(char::is_control) {
        true => Err(format!(
            "`{name}` must be one line of 1 to {LONGEST_ARGUMENT} bytes: {}",
            argument.description
        )),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests;
