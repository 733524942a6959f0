//! Markdown tables.
#![expect(clippy::print_stdout, reason = "printing tables is what it is for")]

/// Prints a table: the first column is text, the others are figures.
pub(crate) fn print(title: &str, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    println!("### {title}\n");
    println!("| {} |", columns.join(" | "));
    println!("|---|{}", "---:|".repeat(columns.len() - 1));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}

/// A line of text.
pub(crate) fn note(text: &str) {
    println!("{text}\n");
}

/// A count with separators, as in 1,000,000.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure with as many digits as it can bear.
pub(crate) fn figure(number: f64) -> String {
    if number.abs() >= 100.0 { format!("{number:.0}") } else { format!("{number:.1}") }
}

/// A ratio.
pub(crate) fn ratio(number: f64) -> String {
    format!("{number:.2}")
}
