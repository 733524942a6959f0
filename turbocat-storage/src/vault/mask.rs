//! Secrets as they may be shown.

/// A secret as it may be shown: stars, and of longer ones the first and the last four signs.
///
/// ```
/// use turbocat_storage::vault::mask;
///
/// assert_eq!(mask("abc"), "****");
/// assert_eq!(mask("12345678"), "********");
/// assert_eq!(mask("sk-1234567890abcdef"), "sk-1********cdef");
/// ```
pub fn mask(secret: &str) -> String {
    let signs: Vec<char> = secret.chars().collect();
    let length = signs.len();
    if length <= 8 {
        return "*".repeat(length.max(4));
    }
    let mut masked: String = signs[..4].iter().collect();
    masked.push_str(&"*".repeat((length - 8).min(8)));
    masked.extend(&signs[length - 4..]);
    masked
}
