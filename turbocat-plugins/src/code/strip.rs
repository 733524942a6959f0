//! Makes JavaScript of TypeScript: types away, enums and parameter properties written out.

use std::path::Path;

use oxc::allocator::Allocator;
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc::parser::{ParseOptions, Parser};
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::transformer::{TransformOptions, Transformer};

use super::place::Place;

/// JavaScript, and where each part of it comes from, in ascending order.
pub(super) type Stripped = (String, Vec<(Place, Place)>);

/// Makes JavaScript of TypeScript that is known to be correct; otherwise what is wrong.
pub(super) fn strip(text: &str, source_type: SourceType, file: &str) -> Result<Stripped, String> {
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let mut program = Parser::new(&allocator, text, source_type).with_options(options).parse().program;
    let scoping = SemanticBuilder::new().with_enum_eval(true).build(&program).semantic.into_scoping();
    let path = Path::new(file);
    let done = Transformer::new(&allocator, path, &TransformOptions::default())
        .build_with_scoping(scoping, &mut program);
    if let Some(error) = done.diagnostics.errors().next() {
        return Err(error.message.to_string());
    }
    let options = CodegenOptions {
        comments: CommentOptions::disabled(),
        source_map_path: Some(path.to_owned()),
        ..CodegenOptions::default()
    };
    let printed = Codegen::new().with_options(options).build(&program);
    let mut moved: Vec<(Place, Place)> = printed.map.map_or_else(Vec::new, |map| {
        let place = |line: u32, column: u32| Place { line: line + 1, column: column + 1 };
        map.get_tokens()
            .filter(|token| token.get_source_id().is_some())
            .map(|token| {
                let to = place(token.get_dst_line(), token.get_dst_col());
                (to, place(token.get_src_line(), token.get_src_col()))
            })
            .collect()
    });
    moved.sort_unstable();
    Ok((printed.code, moved))
}
