//! From a query's words to its commands. What is not understood is said with its place.

use super::{Aggregate, Command, Condition, Group, Like};

/// What was found where nobody knows it: characters, counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox::logs) struct Wrong {
    pub(in crate::sandbox::logs) found: String,
    pub(in crate::sandbox::logs) start: usize,
    pub(in crate::sandbox::logs) end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Text,
    Regex,
    Symbol,
    End,
}

#[derive(Clone)]
struct Token {
    kind: Kind,
    text: String,
    start: usize,
    end: usize,
}

pub(in crate::sandbox::logs) fn parse(query: &str) -> Result<Vec<Command>, Wrong> {
    let mut parser = Parser {
        tokens: tokens(query)?,
        at: 0,
    };
    let mut commands = vec![parser.command()?];
    while parser.takes("|") {
        commands.push(parser.command()?);
    }
    match parser.peek().kind {
        Kind::End => Ok(commands),
        _ => Err(parser.wrong()),
    }
}

fn tokens(query: &str) -> Result<Vec<Token>, Wrong> {
    let chars: Vec<char> = query.chars().collect();
    let char_at = |at: usize| chars.get(at).copied();
    let (mut tokens, mut at): (Vec<Token>, usize) = (Vec::new(), 0);
    while let Some(c) = char_at(at) {
        let start = at;
        at += 1;
        if c.is_whitespace() {
            continue;
        }
        let is_word = |c: char| c.is_alphanumeric() || "_@.:-".contains(c);
        let after_like = tokens.last().is_some_and(|t| matches!(t.text.as_str(), "like" | "=~"));
        let (kind, text) = match c {
            '"' | '\'' | '`' => {
                at = closed(&chars, at, c).ok_or_else(|| unclosed(&chars, start))?;
                (
                    if c == '`' { Kind::Word } else { Kind::Text },
                    slice(&chars, start + 1, at - 1),
                )
            }
            '/' if after_like => {
                at = closed(&chars, at, '/').ok_or_else(|| unclosed(&chars, start))?;
                (Kind::Regex, slice(&chars, start + 1, at - 1).replace("\\/", "/"))
            }
            _ if is_word(c) => {
                while char_at(at).is_some_and(is_word) {
                    at += 1;
                }
                (Kind::Word, slice(&chars, start, at))
            }
            _ => {
                let two = char_at(at).is_some_and(|next| matches!((c, next), ('!' | '<' | '>', '=') | ('=', '~')));
                at += usize::from(two);
                (Kind::Symbol, slice(&chars, start, at))
            }
        };
        tokens.push(Token {
            kind,
            text,
            start,
            end: at - 1,
        });
    }
    let end = chars.len();
    tokens.push(Token {
        kind: Kind::End,
        text: "<EOF>".to_owned(),
        start: end,
        end,
    });
    Ok(tokens)
}

/// The place behind the mark that closes what was opened before `at`.
fn closed(chars: &[char], mut at: usize, mark: char) -> Option<usize> {
    loop {
        match *chars.get(at)? {
            '\\' => at += 2,
            c if c == mark => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn unclosed(chars: &[char], start: usize) -> Wrong {
    Wrong {
        found: slice(chars, start, chars.len()),
        start,
        end: chars.len(),
    }
}

fn slice(chars: &[char], from: usize, to: usize) -> String {
    chars.get(from..to).unwrap_or_default().iter().collect()
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Token {
        let end = || Token {
            kind: Kind::End,
            text: String::new(),
            start: 0,
            end: 0,
        };
        self.tokens
            .get(self.at)
            .or(self.tokens.last())
            .cloned()
            .unwrap_or_else(end)
    }

    fn wrong(&self) -> Wrong {
        let Token { text, start, end, .. } = self.peek();
        Wrong {
            found: text,
            start,
            end,
        }
    }

    fn takes(&mut self, text: &str) -> bool {
        let token = self.peek();
        let taken = matches!(token.kind, Kind::Word | Kind::Symbol) && token.text.eq_ignore_ascii_case(text);
        self.at += usize::from(taken);
        taken
    }

    fn needs(&mut self, text: &str) -> Result<(), Wrong> {
        if self.takes(text) { Ok(()) } else { Err(self.wrong()) }
    }

    fn word(&mut self) -> Result<String, Wrong> {
        self.one(&[Kind::Word])
    }

    fn one(&mut self, kinds: &[Kind]) -> Result<String, Wrong> {
        let token = self.peek();
        if !kinds.contains(&token.kind) {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(token.text)
    }

    fn list<T>(&mut self, one: impl Fn(&mut Self) -> Result<T, Wrong>) -> Result<Vec<T>, Wrong> {
        let mut list = vec![one(self)?];
        while self.takes(",") {
            list.push(one(self)?);
        }
        Ok(list)
    }

    fn alias(&mut self, name: String) -> Result<String, Wrong> {
        if self.takes("as") { self.word() } else { Ok(name) }
    }

    fn command(&mut self) -> Result<Command, Wrong> {
        if self.takes("fields") || self.takes("display") {
            let pair = |p: &mut Self| {
                let name = p.word()?;
                Ok((name.clone(), p.alias(name)?))
            };
            return Ok(Command::Fields(self.list(pair)?));
        }
        if self.takes("filter") {
            return Ok(Command::Filter(self.any()?));
        }
        if self.takes("sort") {
            let key = |p: &mut Self| {
                let name = p.aggregated()?;
                let down = p.takes("desc");
                let _ = !down && p.takes("asc");
                Ok((name, down))
            };
            return Ok(Command::Sort(self.list(key)?));
        }
        if self.takes("limit") {
            let wrong = self.wrong();
            return self.word()?.parse().map(Command::Limit).map_err(|_| wrong);
        }
        if self.takes("parse") {
            let field = if self.peek().kind == Kind::Word {
                self.word()?
            } else {
                "@message".to_owned()
            };
            let glob = self.one(&[Kind::Text])?;
            self.needs("as")?;
            let names = self.list(Self::word)?;
            return Ok(Command::Parse(
                field,
                glob.split('*').map(str::to_owned).collect(),
                names,
            ));
        }
        if self.takes("stats") {
            let aggregates = self.list(Self::aggregate)?;
            let by = if self.takes("by") {
                self.list(Self::group)?
            } else {
                Vec::new()
            };
            return Ok(Command::Stats(aggregates, by));
        }
        Err(self.wrong())
    }

    /// A field's name, or that of an aggregate such as `count(*)`.
    fn aggregated(&mut self) -> Result<String, Wrong> {
        let name = self.word()?;
        if !self.takes("(") {
            return Ok(name);
        }
        let inside = self.one(&[Kind::Word, Kind::Symbol])?;
        self.needs(")")?;
        Ok(format!("{name}({inside})"))
    }

    fn aggregate(&mut self) -> Result<Aggregate, Wrong> {
        let wrong = self.wrong();
        let function = self.word()?.to_lowercase();
        if !["count", "count_distinct", "sum", "avg", "min", "max"].contains(&function.as_str()) {
            return Err(wrong);
        }
        self.needs("(")?;
        let field = if function == "count" && (self.takes("*") || self.peek().text == ")") {
            "*".to_owned()
        } else {
            self.word()?
        };
        self.needs(")")?;
        let name = self.alias(format!("{function}({field})"))?;
        Ok(Aggregate { function, field, name })
    }

    fn group(&mut self) -> Result<Group, Wrong> {
        let name = self.word()?;
        if name != "bin" {
            return Ok(Group::Field(name));
        }
        self.needs("(")?;
        let (wrong, width) = (self.wrong(), self.word()?);
        self.needs(")")?;
        let (number, unit) = width.split_at(width.len().saturating_sub(1));
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(wrong),
        };
        let seconds = number.parse::<i64>().ok().filter(|n| *n > 0).ok_or(wrong)?;
        let name = self.alias(format!("bin({width})"))?;
        Ok(Group::Bin(seconds * unit, name))
    }

    fn any(&mut self) -> Result<Condition, Wrong> {
        let mut list = vec![self.all()?];
        while self.takes("or") {
            list.push(self.all()?);
        }
        Ok(Condition::Any(list))
    }

    fn all(&mut self) -> Result<Condition, Wrong> {
        let mut list = vec![self.condition()?];
        while self.takes("and") {
            list.push(self.condition()?);
        }
        Ok(Condition::All(list))
    }

    fn condition(&mut self) -> Result<Condition, Wrong> {
        if self.takes("not") {
            return Ok(Condition::Not(Box::new(self.condition()?)));
        }
        if self.takes("(") {
            let inside = self.any()?;
            self.needs(")")?;
            return Ok(inside);
        }
        let field = self.word()?;
        let negated = self.takes("not");
        if self.takes("like") || self.takes("=~") {
            let like = Condition::Like(field, self.like()?);
            return Ok(if negated { Condition::Not(Box::new(like)) } else { like });
        }
        if self.takes("in") {
            self.needs("[")?;
            let values = self.list(|p| p.one(&[Kind::Word, Kind::Text]))?;
            self.needs("]")?;
            let list = Condition::In(field, values);
            return Ok(if negated { Condition::Not(Box::new(list)) } else { list });
        }
        let sign = self.peek();
        if negated || !["=", "!=", "<", "<=", ">", ">="].contains(&sign.text.as_str()) {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(Condition::Compare(
            field,
            sign.text,
            self.one(&[Kind::Word, Kind::Text])?,
        ))
    }

    fn like(&mut self) -> Result<Like, Wrong> {
        let (token, wrong) = (self.peek(), self.wrong());
        match token.kind {
            Kind::Text => {
                self.at += 1;
                Ok(Like::Text(token.text))
            }
            Kind::Regex => {
                self.at += 1;
                regex_lite::Regex::new(&token.text).map(Like::Regex).map_err(|_| wrong)
            }
            _ => Err(wrong),
        }
    }
}
