//! Tables that people read.

/// No column of a table that is too wide gets narrower than this, but for those that are so anyway.
const NARROWEST: usize = 12;
/// Stands for what does not fit.
const CUT: &str = "…";
/// Between two columns.
const GAP: usize = 2;

/// A line's cells, each with the style that wraps it.
pub(crate) type Row = Vec<(String, &'static str)>;

/// Rows under headings, in columns; a style wraps the padded cell.
pub(crate) fn table(headings: &[&str], rows: &[Row]) -> String {
    let widths: Vec<_> = (0..headings.len()).map(|column| widest(headings, rows, column)).collect();
    let mut text = String::new();
    let line = |cells: Vec<(String, &str)>, text: &mut String| {
        let last = cells.len().saturating_sub(1);
        for (column, (cell, style)) in cells.into_iter().enumerate() {
            let padding =
                if column == last { 0 } else { widths[column] + GAP - cell.chars().count() };
            let end = if style.is_empty() { "" } else { "\x1b[0m" };
            text.push_str(&format!("{style}{cell}{end}{}", " ".repeat(padding)));
        }
        text.push('\n');
    };
    line(headings.iter().map(|heading| ((*heading).to_owned(), "\x1b[1m")).collect(), &mut text);
    for row in rows {
        line(row.clone(), &mut text);
    }
    text
}

/// The same in no more than `width` columns of a terminal; as it is where there is none.
///
/// The widest cells are cut first, paths at their beginning, all else at its end. What does not fit even so is whole columns from the
/// right, and a `…` among the headings says that. The first column, which names things, is always whole.
pub(crate) fn fitted(headings: &[&str], rows: &[Row], width: Option<usize>) -> String {
    let Some(width) = width else { return table(headings, rows) };
    let own: Vec<_> = (0..headings.len()).map(|column| widest(headings, rows, column)).collect();
    let least = |column: usize| match column {
        0 => own[0],
        _ => own[column].min(NARROWEST),
    };
    let all =
        |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    let fits = |count: &usize| {
        let more = if *count < own.len() { GAP + 1 } else { 0 };
        all(&(0..*count).map(least).collect::<Vec<_>>()) + more <= width
    };
    let count = (1..=own.len()).rev().find(fits).unwrap_or(1);
    let left_out = count < own.len();
    let room = width.saturating_sub(if left_out { GAP + 1 } else { 0 });
    let mut widths = own[..count].to_vec();
    while all(&widths) > room {
        let widest = (1..count).filter(|column| widths[*column] > least(*column));
        let Some(widest) = widest.max_by_key(|column| widths[*column]) else { break };
        widths[widest] -= 1;
    }
    let cut_row = |row: &Row| {
        let cells = row.iter().zip(&widths);
        cells.map(|((cell, style), width)| (cut(cell, *width), *style)).collect::<Row>()
    };
    let rows: Vec<Row> = rows.iter().map(cut_row).collect();
    let mut headings = headings[..count].to_vec();
    if left_out {
        headings.push(CUT);
    }
    table(&headings, &rows)
}

/// A cell in at most `width` columns.
fn cut(cell: &str, width: usize) -> String {
    let length = cell.chars().count();
    if length <= width {
        return cell.to_owned();
    }
    let kept = width.saturating_sub(1);
    match cell.contains('/') {
        true => CUT.to_owned() + &cell.chars().skip(length - kept).collect::<String>(),
        false => cell.chars().take(kept).collect::<String>() + CUT,
    }
}

fn widest(headings: &[&str], rows: &[Row], column: usize) -> usize {
    let cells = rows.iter().filter_map(|row| Some(row.get(column)?.0.chars().count()));
    cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Row, fitted, table};

    fn row(cells: &[&str]) -> Row {
        cells.iter().map(|cell| ((*cell).to_owned(), "")).collect()
    }

    /// What is seen, without styles.
    fn seen(text: &str) -> String {
        text.replace("\x1b[1m", "").replace("\x1b[0m", "")
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        let headings = ["NAME", "STATUS", "SOURCE", "BRANCH", "CREATED"];
        let rows = [
            row(&[
                "auth",
                "lost (nobody knows why it is)",
                "/home/me/code/deep/project",
                "session/auth",
                "2026-01-11 19:05",
            ]),
            row(&["a-longer-name-than-most", "running", "/srv/notes", "-", "2026-01-11 19:06"]),
        ];
        let at = |width| seen(&fitted(&headings, &rows, width));
        let shown: Vec<_> = [None, Some(100), Some(80), Some(50), Some(10)]
            .map(|width| format!("{width:?}\n{}", at(width)))
            .into();
        insta::assert_snapshot!(shown.join("\n"));
        assert_eq!(fitted(&headings, &rows, Some(1000)), table(&headings, &rows));
    }

    proptest! {
        /// No line is wider than the terminal where the first column and one more sign fit into it, and no first cell is cut.
        #[test]
        fn lines_fit(cells in prop::collection::vec(prop::collection::vec("[a/]{0,40}", 5), 1..5), width in 1_usize..150) {
            let rows: Vec<_> = cells.iter().map(|cells| row(&cells.iter().map(String::as_str).collect::<Vec<_>>())).collect();
            let first = rows.iter().map(|row| row[0].0.len()).chain([4]).max().expect("a heading");
            let text = seen(&fitted(&["NAME", "B", "C", "D", "E"], &rows, Some(width)));
            for (line, row) in text.lines().skip(1).zip(&rows) {
                prop_assert!(line.starts_with(&row[0].0));
            }
            for line in text.lines() {
                prop_assert!(line.trim_end().chars().count() <= width.max(first + 3), "{line:?}");
            }
        }
    }
}
