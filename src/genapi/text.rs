//! A file's bytes to the text of an XML: unpacked, decoded, and looked over before a parser sees it.

use super::Refused;
use super::limits::{MAX_FILE_BYTES, MAX_XML_BYTES, MAX_XML_DEPTH};
use std::io::{Cursor, Read};

/// Most attributes of one element: parsers compare each with all others.
const MAX_ATTRIBUTES: usize = 64;
/// Most files of an archive.
const MAX_MEMBERS: usize = 64;

/// The text of an XML, zipped or not.
pub(super) fn of_bytes(bytes: &[u8]) -> Result<String, Refused> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(too_large());
    }
    let text = match bytes.starts_with(b"PK") {
        true => decoded(&unzipped(bytes)?),
        false => decoded(bytes),
    }?;
    look_over(&text)?;
    Ok(text)
}

fn too_large() -> Refused {
    Refused::description(format!(
        "the camera's description has more than {MAX_XML_BYTES} bytes, and is not read"
    ))
}

/// The archive's first XML.
fn unzipped(bytes: &[u8]) -> Result<Vec<u8>, Refused> {
    let broken = |e: &dyn std::fmt::Display| {
        Refused::description(format!("the camera's zipped description cannot be unpacked: {e}"))
    };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    if archive.len() > MAX_MEMBERS {
        return Err(broken(&format_args!("it holds more than {MAX_MEMBERS} files")));
    }
    let is_xml = |name: &str| name.to_ascii_lowercase().ends_with(".xml");
    let place = archive.file_names().position(|name| name.is_ok_and(|n| is_xml(&n))).unwrap_or(0);
    let member = archive.by_index(place).map_err(|e| broken(&e))?;
    // What it says of its size is not believed: it is read until the limit.
    let mut out = Vec::new();
    member.take(MAX_XML_BYTES + 1).read_to_end(&mut out).map_err(|e| broken(&e))?;
    if out.len() as u64 > MAX_XML_BYTES { Err(too_large()) } else { Ok(out) }
}

/// UTF-8, UTF-16 with its mark, or what older cameras write: one byte a character.
fn decoded(bytes: &[u8]) -> Result<String, Refused> {
    // Registers are read in whole words, so that zeros or blanks may follow the end.
    let end = bytes.iter().rposition(|b| *b == b'>').map_or(bytes.len(), |at| at + 1);
    let wide = |pair: fn([u8; 2]) -> u16| {
        let (pairs, _) = bytes[2..].as_chunks::<2>();
        let units = pairs.iter().map(|p| pair(*p)).take_while(|u| *u != 0);
        let text = char::decode_utf16(units).collect::<Result<String, _>>();
        text.map_err(|_| Refused::description("the camera's description is no UTF-16 text"))
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => {
            let bytes = bytes[..end].strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes[..end]);
            Ok(match std::str::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
            })
        }
    }
}

/// Refuses what would cost a parser far more than its length: elements in each other without end, and elements
/// with thousands of attributes.
fn look_over(text: &str) -> Result<(), Refused> {
    let mut depth = 0usize;
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let closed_by = match rest {
            _ if rest.starts_with("<!--") => Some("-->"),
            _ if rest.starts_with("<![CDATA[") => Some("]]>"),
            _ if rest.starts_with("<?") => Some("?>"),
            _ => None,
        };
        if let Some(end) = closed_by {
            // Without its end it is no XML, which the parser says better.
            let Some(at) = rest.find(end) else { return Ok(()) };
            rest = &rest[at + end.len()..];
            continue;
        }
        let Some((length, attributes)) = tag(rest) else { return Ok(()) };
        let is_end = rest.starts_with("</");
        let is_empty = rest[..length].ends_with("/>");
        rest = &rest[length..];
        if is_end {
            depth = depth.saturating_sub(1);
        } else if !is_empty {
            depth += 1;
        }
        if depth > MAX_XML_DEPTH {
            return Err(Refused::description(format!(
                "the camera's description has elements more than {MAX_XML_DEPTH} deep in each other"
            )));
        }
        if attributes > MAX_ATTRIBUTES {
            return Err(Refused::description(format!(
                "the camera's description has an element with more than {MAX_ATTRIBUTES} attributes"
            )));
        }
    }
    Ok(())
}

/// The length of the tag that `rest` begins with, and its attributes; `None`: it does not end.
fn tag(rest: &str) -> Option<(usize, usize)> {
    let mut quote = None;
    let mut attributes = 0;
    for (at, b) in rest.bytes().enumerate() {
        match (quote, b) {
            (Some(q), b) if q == b => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(b),
            (None, b'=') => attributes += 1,
            (None, b'>') => return Some((at + 1, attributes)),
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn zipped(name: &str, text: &[u8]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text).unwrap();
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn every_wrapping_gives_the_same_text() {
        // Catches a mark that is left in the text, zeros behind it, and a zip that is taken for XML.
        let text = "<A Name=\"\u{e4}\"/>";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes(), b"\0\0\0"].concat(),
            [&[0xff, 0xfe][..], &wide, &[0, 0]].concat(),
            b"<A Name=\"\xe4\"/>".to_vec(),
            zipped("camera.XML", text.as_bytes()),
        ] {
            assert_eq!(of_bytes(&bytes).unwrap(), text);
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        // Catches memory that grows with what an archive claims, or holds.
        let bomb = zipped("a.xml", &vec![b' '; MAX_XML_BYTES as usize + 1]);
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        assert!(of_bytes(&bomb).unwrap_err().to_string().contains("16777216"));
        assert!(of_bytes(&vec![b' '; MAX_FILE_BYTES as usize + 1]).is_err());
    }

    #[test]
    fn broken_archives_are_a_sentence() {
        let good = zipped("a.xml", b"<A/>");
        for end in 2..good.len() {
            let _ = of_bytes(&good[..end]);
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let _ = of_bytes(&bad);
            }
        }
        let e = of_bytes(b"PK\x03\x04").unwrap_err().to_string();
        assert!(e.starts_with("the camera's zipped description cannot be unpacked"), "{e}");
    }

    #[test]
    fn what_would_cost_a_parser_much_is_refused() {
        // Catches a stack that overflows, and a comparison of each attribute with a million others.
        let deep = format!("{}{}", "<A>".repeat(100_000), "</A>".repeat(100_000));
        assert!(of_bytes(deep.as_bytes()).unwrap_err().to_string().contains("deep"));
        let many: String = (0..100_000).map(|i| format!(" a{i}=\"\"")).collect();
        assert!(of_bytes(format!("<A{many}/>").as_bytes()).is_err());
        let fine =
            format!("<A><!-- {} --><B c=\"&lt;a=b=c>\"/><![CDATA[<<<]]></A>", "<".repeat(200));
        assert!(of_bytes(fine.as_bytes()).is_ok());
        for odd in ["<", "<A", "<A b='", "<!--", "<?", "</A></A>", "<![CDATA["] {
            assert!(look_over(odd).is_ok(), "{odd}");
        }
    }
}
