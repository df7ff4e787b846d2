use super::*;
use std::collections::HashSet;

const TABLES: [(&str, &[CodeEntry]); 3] =
    [("mvs", mvs::TABLE), ("gentl", gentl::TABLE), ("aravis", aravis::TABLE)];

/// Catches: a row out of order, a code or a name given twice, a row without a word.
#[test]
fn tables_are_sorted_and_whole() {
    for (sdk, table) in TABLES {
        let rising = |w: &[CodeEntry]| w[0].code < w[1].code;
        assert!(table.windows(2).all(rising), "{sdk} is not sorted by code, or has one twice");
        let names: HashSet<_> = table.iter().map(|e| e.name).collect();
        assert_eq!(names.len(), table.len(), "{sdk} has a name twice");
        for e in table {
            assert!(e.meaning.ends_with('.') && e.meaning.len() > 10, "{}", e.name);
            assert!(!e.advice.is_empty() && !e.advice.ends_with('.'), "{}", e.name);
            assert!(!e.meaning.contains('|') && !e.advice.contains('|'), "{}", e.name);
            assert_eq!(e.term.is_empty(), sdk != "mvs", "{}: the vendor's term", e.name);
            assert!(!e.name.contains("SUCCESS") && e.code != 0, "success is no fault");
            assert!(i32::try_from(e.code).is_ok() || u32::try_from(e.code).is_ok(), "{}", e.name);
        }
    }
}

/// Catches: a code of the SDK's documented ranges that was forgotten.
#[test]
fn tables_have_no_gaps() {
    let mvs: Vec<i64> = mvs::TABLE.iter().map(|e| e.code).collect();
    let ranges: [(i64, i64); 15] = [
        (0x4001, 0x4008),
        (0x8001, 0x8002),
        (0x8000_0000, 0x8000_0004), // 5 was never given.
        (0x8000_0006, 0x8000_0028),
        (0x8000_0041, 0x8000_004D),
        (0x8000_00FE, 0x8000_00FF),
        (0x8000_0100, 0x8000_010C),
        (0x8000_01FF, 0x8000_01FF),
        (0x8000_0200, 0x8000_0218),
        (0x8000_0221, 0x8000_0221),
        (0x8000_0300, 0x8000_0305),
        (0x8000_03FF, 0x8000_03FF),
        (0x8000_0400, 0x8000_0403),
        (0x8000_04FF, 0x8000_04FF),
        (0x8000_0500, 0x8000_0502),
    ];
    let wanted: Vec<i64> = ranges.iter().flat_map(|(a, b)| *a..=*b).collect();
    assert_eq!(mvs, wanted);
    let gentl: Vec<i64> = gentl::TABLE.iter().map(|e| e.code).collect();
    assert_eq!(gentl, (-1023..=-1001).collect::<Vec<_>>());
    let aravis: Vec<i64> = aravis::TABLE.iter().map(|e| e.code).collect();
    // Statuses of a buffer, ArvDeviceError, ArvGcError, and what no number of Aravis says.
    let ranges = [(-1, -1), (1, 8), (0x10000, 0x10012), (0x20000, 0x2000E), (0x30001, 0x30008)];
    let wanted: Vec<i64> = ranges.iter().flat_map(|(a, b)| *a..=*b).collect();
    assert_eq!(aravis, wanted);
}

/// Catches: the mistake that this project began with, and its neighbours in the table.
#[test]
fn the_codes_that_are_taken_for_each_other() {
    let mvs = CodeTable::new(mvs::TABLE);
    let gentl = CodeTable::new(gentl::TABLE);
    for (code, name, class) in [
        (0x8000_0007, "MV_E_NODATA", FaultClass::Timeout),
        (0x8000_000A, "MV_E_NOENOUGH_BUF", FaultClass::BufferTooSmall),
        (0x8000_000B, "MV_E_ABNORMAL_IMAGE", FaultClass::DamagedFrame),
        (0x8000_000D, "MV_E_NOOUTBUF", FaultClass::Overrun),
        (0x8000_0002, "MV_E_BUFOVER", FaultClass::Overrun),
        (0x8000_0003, "MV_E_CALLORDER", FaultClass::Misuse),
        (0x8000_0009, "MV_E_VERSION", FaultClass::Incompatible),
        (0x8000_0203, "MV_E_ACCESS_DENIED", FaultClass::Busy),
        (0x8000_0206, "MV_E_NETER", FaultClass::Lost),
        (0x8000_00FF, "MV_E_UNKNOW", FaultClass::Unknown),
        (0x8001, "MV_EXCEPTION_DEV_DISCONNECT", FaultClass::Lost),
        (0x4008, "MV_CC_STREAM_EXCEPTION_IMAGE_BUFFER_OVERFLOW", FaultClass::BufferTooSmall),
    ] {
        assert_eq!((mvs.name(code), mvs.classify(code)), (name, class), "{code:#x}");
        // As C# and Python print it.
        assert_eq!(mvs.classify(code as u32 as i32 as i64), class, "{code:#x}, signed");
    }
    for (code, class) in [
        (-1011, FaultClass::Timeout),
        (-1016, FaultClass::BufferTooSmall),
        (-1010, FaultClass::Lost),
        (-1005, FaultClass::Busy),
        (-20_000, FaultClass::Unknown),
    ] {
        assert_eq!(gentl.classify(code), class, "{code}");
        assert_eq!(gentl.classify(code as u32 as i64), class, "{code}, unsigned");
    }
}

/// Catches: a remapping that is found only in the spelling in which the SDK gives the code.
#[test]
fn a_remapping_holds_for_every_spelling_of_the_code() {
    let mut table = CodeTable::new(mvs::TABLE);
    table.remap(-2_147_483_641, FaultClass::Lost);
    assert_eq!(table.classify(0x8000_0007), FaultClass::Lost);
    table.remap(0x8000_0007, FaultClass::Misuse);
    assert_eq!(table.classify(-2_147_483_641), FaultClass::Misuse);
}
