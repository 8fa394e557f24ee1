//! What the list of tools costs its users: every client puts it into its model's context, whole, before the first question.

use aws_ops_mcp::{
    config::ToolsConfig,
    server::{Catalogue, CatalogueOptions},
};

/// As a model of today counts them. Claude's own tokenizer is not public; o200k's numbers are near it for JSON and English.
fn tokens(toolsets: &[&str]) -> Vec<(String, usize)> {
    let tokenizer = tiktoken_rs::o200k_base_singleton();
    let catalogue = Catalogue::new(CatalogueOptions {
        profiles: true.into(),
        tools: ToolsConfig {
            toolsets: toolsets.iter().map(|s| (*s).to_owned()).collect(),
            ..ToolsConfig::default()
        },
    });
    let cost = |tool| tokenizer.encode_ordinary(&serde_json::to_string(&tool).unwrap()).len();
    let tools = catalogue.unwrap().tools().into_iter();
    tools.map(|tool| (tool.name.to_string(), cost(tool))).collect()
}

/// What they cost, the dearest first.
fn check(toolsets: &[&str], limit: usize) -> String {
    let mut each = tokens(toolsets);
    let sum: usize = each.iter().map(|(_, cost)| cost).sum();
    each.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
    let dear: Vec<String> = each.iter().map(|(name, cost)| format!("{name} {cost}")).collect();
    let told = format!("{} tools, {sum} tokens of {limit}: {}", each.len(), dear.join(", "));
    assert!(sum < limit, "{told}");
    told
}

#[test]
fn all_tools_together_cost_less_than_20_000_tokens() {
    println!("{}", check(&["all"], 20_000));
}

#[test]
fn the_default_toolsets_cost_less_than_8_000_tokens() {
    println!("{}", check(&[], 8_000));
}
