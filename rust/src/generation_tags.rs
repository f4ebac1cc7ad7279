//! `{% generation %}` … `{% endgeneration %}`: transformers' own block that marks what the
//! assistant said. For text it is a block with its own scope, which is what `with` is, so the tag
//! names are exchanged and every rule about white space stays as it is.

pub fn neutralise(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        text.push_str(before);
        match replacement(tag) {
            Some((new, length)) => {
                text.push_str(&new);
                rest = &tag[length..];
            }
            None => {
                text.push_str("{%");
                rest = &tag[2..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// The tag to write instead of the one that `tag` begins with, and the length of the old one.
fn replacement(tag: &str) -> Option<(String, usize)> {
    let end = tag.find("%}")? + 2;
    let inside = &tag[2..end - 2];
    let (open, inside) = split_sign(inside, inside.starts_with(['-', '+']));
    let (close, name) = split_sign_end(inside);
    let name = match name.trim() {
        "generation" => "with",
        "endgeneration" => "endwith",
        _ => return None,
    };
    // Line breaks inside the tag are kept, so that errors name the right line.
    let lines = "\n".repeat(tag[..end].matches('\n').count());
    Some((format!("{{%{open} {name} {lines}{close}%}}"), end))
}

fn split_sign(text: &str, present: bool) -> (&str, &str) {
    text.split_at(usize::from(present))
}

fn split_sign_end(text: &str) -> (&str, &str) {
    let at = text.len() - usize::from(text.ends_with(['-', '+']));
    (&text[at..], &text[..at])
}

#[cfg(test)]
mod tests {
    use super::neutralise;

    #[test]
    fn keeps_white_space_control_and_line_numbers() {
        assert_eq!(
            neutralise("a{%- generation -%}b{% endgeneration +%}c{%\ngeneration %}"),
            "a{%- with -%}b{% endwith +%}c{% with \n%}"
        );
    }

    #[test]
    fn leaves_other_tags_alone() {
        let source = "{% if add_generation_prompt %}{{ '{% x' }}{% endif %}{% open";
        assert_eq!(neutralise(source), source);
    }
}
