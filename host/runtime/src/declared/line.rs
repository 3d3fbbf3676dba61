//! Lines for people, in which `{param}` stands for the value of a param.

/// The names in `{…}` of a line.
pub(super) fn placeholders(line: &str) -> impl Iterator<Item = &str> {
    line.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// The line with each `{param}` replaced by what `value` gives for it.
pub(super) fn fill<'a>(line: &'a str, value: impl Fn(&str) -> Option<String> + 'a) -> String {
    let mut pieces = line.split('{');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('}').and_then(|(name, rest)| Some((value(name)?, rest))) {
            Some((value, rest)) => {
                filled.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
                filled.push_str(rest);
            }
            None => {
                filled.push('{');
                filled.push_str(piece);
            }
        }
    }
    filled
}
