//! What the nodes mean, one rule at a time. Where a figure could be argued about, it is the reference
//! implementation's (`tools/checks/genapi.py` compares whole descriptions with it).

use super::*;
use crate::feature::{Access, FeatureKind, FeatureRange};
use std::collections::BTreeMap;

/// Registers that remember what was done to them.
#[derive(Default)]
struct Memory {
    bytes: BTreeMap<u64, u8>,
    reads: Vec<(u64, usize)>,
    writes: Vec<(u64, Vec<u8>)>,
    is_gone: bool,
}

impl Memory {
    fn of(parts: &[(u64, &[u8])]) -> Memory {
        let mut memory = Memory::default();
        for (at, bytes) in parts {
            memory.bytes.extend(bytes.iter().enumerate().map(|(i, b)| (at + i as u64, *b)));
        }
        memory
    }
}

impl Port for Memory {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), PortError> {
        if self.is_gone {
            return Err(PortError { code: -1010, message: "the camera does not answer".into() });
        }
        self.reads.push((address, into.len()));
        for (at, b) in (address..).zip(into) {
            *b = self.bytes.get(&at).copied().unwrap_or(0);
        }
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), PortError> {
        self.writes.push((address, bytes.into()));
        self.bytes.extend((address..).zip(bytes.iter().copied()));
        Ok(())
    }
}

fn features(nodes: &str) -> Features {
    let xml = format!(
        "<RegisterDescription ModelName=\"m\">{nodes}<Port Name=\"P\"/></RegisterDescription>"
    );
    Features::parse(xml.as_bytes()).expect("a description")
}

/// A register node at 0x10.
fn register(kind: &str, name: &str, length: u32, more: &str) -> String {
    format!(
        "<{kind} Name=\"{name}\"><Address>0x10</Address><Length>{length}</Length><AccessMode>RW</AccessMode><pPort>P</pPort>{more}</{kind}>"
    )
}

fn value(nodes: &str, memory: &mut Memory) -> Result<Value, String> {
    features(nodes).get(memory, "F").map_err(|e| e.to_string())
}

fn integer(nodes: &str, bytes: &[u8]) -> Option<i64> {
    features(nodes).get_integer(&mut Memory::of(&[(0x10, bytes)]), "F").ok()
}

fn range(nodes: &str) -> FeatureRange {
    features(nodes).range(&mut Memory::default(), "F").unwrap()
}

fn whole(min: i64, max: i64, step: i64) -> FeatureRange {
    FeatureRange::Integer { min, max, step }
}

#[test]
fn registers_hold_numbers_of_every_kind() {
    // Catches a byte order, a sign or a bit that is counted from the wrong end.
    let big = "<Endianess>BigEndian</Endianess>";
    let signed = "<Sign>Signed</Sign>";
    assert_eq!(integer(&register("IntReg", "F", 4, ""), &[1, 2, 3, 0]), Some(0x030201));
    assert_eq!(integer(&register("IntReg", "F", 4, big), &[1, 2, 3, 0]), Some(0x01020300));
    assert_eq!(integer(&register("IntReg", "F", 4, signed), &[254, 255, 255, 255]), Some(-2));
    assert_eq!(integer(&register("IntReg", "F", 3, ""), &[255, 0, 1]), Some(65791));
    let eight = [255, 0, 0, 0, 0, 0, 0, 255];
    assert_eq!(integer(&register("IntReg", "F", 8, ""), &eight), Some(-72057594037927681));
    assert_eq!(integer(&register("IntReg", "F", 16, ""), &[1]), None);
    let part = |lsb, msb, more: &str| {
        register("MaskedIntReg", "F", 4, &format!("<LSB>{lsb}</LSB><MSB>{msb}</MSB>{more}"))
    };
    let bytes = [0xa5, 0, 0, 0xc3];
    assert_eq!(integer(&part(4, 7, ""), &bytes), Some(10));
    assert_eq!(integer(&part(4, 7, signed), &bytes), Some(-6));
    assert_eq!(integer(&part(31, 28, big), &bytes), Some(3));
    assert_eq!(integer(&part(4, 70, ""), &bytes), None);
    assert_eq!(integer(&register("MaskedIntReg", "F", 4, "<Bit>5</Bit>"), &bytes), Some(1));
    assert_eq!(range(&part(4, 7, signed)), whole(-8, 7, 1));
    assert_eq!(range(&register("IntReg", "F", 4, "")), whole(0, u32::MAX.into(), 1));

    let mut memory = Memory::of(&[(0x10, &20.5f32.to_le_bytes())]);
    assert_eq!(value(&register("FloatReg", "F", 4, ""), &mut memory), Ok(Value::Float(20.5)));
    let mut memory = Memory::of(&[(0x10, &0.1f64.to_be_bytes())]);
    assert_eq!(value(&register("FloatReg", "F", 8, big), &mut memory), Ok(Value::Float(0.1)));
    let mut memory = Memory::of(&[(0x10, b"AB\0C")]);
    assert_eq!(
        value(&register("StringReg", "F", 4, ""), &mut memory),
        Ok(Value::Text("AB".into()))
    );
    assert_eq!(
        value(&register("Register", "F", 2, ""), &mut memory).unwrap().to_string(),
        "0x4142"
    );
}

#[test]
fn addresses_are_sums() {
    // Catches an index that is added without its stride, and a formula inside a register that is left out.
    let at = |terms: &str| {
        format!(
            "<IntReg Name=\"F\">{terms}<Length>2</Length><AccessMode>RW</AccessMode><pPort>P</pPort></IntReg>
             <Integer Name=\"K\"><Value>3</Value></Integer><Integer Name=\"O\"><Value>8</Value></Integer>"
        )
    };
    for (terms, want) in [
        ("<Address>0x10</Address><Address>2</Address><pAddress>K</pAddress>", 0x15),
        ("<Address>0x10</Address><pIndex>K</pIndex>", 0x16),
        ("<Address>0x10</Address><pIndex Offset=\"4\">K</pIndex>", 0x1c),
        ("<Address>0x10</Address><pIndex pOffset=\"O\">K</pIndex>", 0x28),
        ("<Address>-2</Address><Address>0x10</Address>", 0xe),
        (
            "<IntSwissKnife Name=\"inner\"><pVariable Name=\"K\">K</pVariable><Formula>K*2+0x10</Formula></IntSwissKnife>",
            0x16,
        ),
        ("<Address>0xFFFFFFFFFFFFFFF0</Address>", 0xffff_ffff_ffff_fff0),
    ] {
        let mut memory = Memory::default();
        assert!(value(&at(terms), &mut memory).is_ok());
        assert_eq!(memory.reads, [(want, 2)], "{terms}");
    }
}

#[test]
fn parts_of_a_register_leave_the_others_alone() {
    // Catches a write of one bit that clears its neighbours.
    let nodes = "<StructReg Comment=\"c\"><Address>0x10</Address><Length>4</Length><AccessMode>RW</AccessMode>
        <pPort>P</pPort><Endianess>LittleEndian</Endianess>
        <StructEntry Name=\"F\"><LSB>4</LSB><MSB>7</MSB><Sign>Signed</Sign></StructEntry>
        <StructEntry Name=\"G\"><Bit>2</Bit><AccessMode>RO</AccessMode></StructEntry></StructReg>";
    let mut memory = Memory::of(&[(0x10, &[0xa5, 1, 2, 3])]);
    let mut features = features(nodes);
    assert_eq!(features.get(&mut memory, "F"), Ok(Value::Integer(-6)));
    assert_eq!(features.get(&mut memory, "G"), Ok(Value::Integer(1)));
    features.set(&mut memory, "F", "7").unwrap();
    assert_eq!(memory.writes, [(0x10, vec![0x75, 1, 2, 3])]);
    let e = features.set(&mut memory, "G", "0").unwrap_err();
    assert_eq!(e.to_string(), "G cannot be set now: it can only be read");
    let e = features.set(&mut memory, "F", "8").unwrap_err();
    assert_eq!(e.to_string(), "F cannot be 8; it can be -8 to 7, and is 7");

    // And where the register cannot be read.
    let nodes = register("MaskedIntReg", "F", 1, "<LSB>0</LSB><MSB>3</MSB>")
        + &register("MaskedIntReg", "G", 1, "<LSB>4</LSB><MSB>7</MSB>");
    let mut memory = Memory::default();
    let mut features = super::tests::features(&nodes.replace(">RW<", ">WO<"));
    features.set(&mut memory, "F", "3").unwrap();
    features.set(&mut memory, "G", "5").unwrap();
    assert_eq!(memory.writes.last(), Some(&(0x10, vec![0x53])));
    assert!(memory.reads.is_empty());
    assert!(features.get(&mut memory, "F").unwrap_err().to_string().contains("only be written"));
}

#[test]
fn a_range_is_the_nodes_own_and_else_that_of_its_value() {
    // The figures are the reference's.
    let over = |own: &str, below: &str| {
        range(&format!("<Integer Name=\"F\"><pValue>G</pValue>{own}</Integer>{below}"))
    };
    let part = register("MaskedIntReg", "G", 4, "<LSB>4</LSB><MSB>7</MSB>");
    assert_eq!(over("", &part), whole(0, 15, 1));
    assert_eq!(over("<Min>-5</Min><Max>100</Max>", &part), whole(-5, 100, 1));
    let held =
        "<Integer Name=\"G\"><Value>5</Value><Min>2</Min><Max>40</Max><Inc>3</Inc></Integer>";
    assert_eq!(over("<Max>50</Max>", held), whole(2, 50, 3));
    let float = "<Float Name=\"G\"><Value>5.6</Value><Min>2.2</Min><Max>40.7</Max></Float>";
    assert_eq!(over("", float), whole(2, 41, 1));
    let more = format!("{part}<Float Name=\"K\"><Value>9.7</Value></Float>");
    assert_eq!(over("<pMax>K</pMax>", &more), whole(0, 10, 1));
    let of_whole = format!("<Float Name=\"F\"><pValue>G</pValue></Float>{held}");
    let want = FeatureRange::Float { min: 2.0, max: 40.0, step: Some(3.0) };
    assert_eq!(range(&of_whole), want);
    assert_eq!(
        range("<Integer Name=\"F\"><Value>1</Value></Integer>"),
        whole(i64::MIN, i64::MAX, 1)
    );
}

#[test]
fn converters_convert_both_ways() {
    // Catches a formula that is used in the wrong direction; the figures are the reference's.
    let nodes = |kind: &str, slope: &str| {
        format!(
            "<{kind} Name=\"F\"><FormulaTo>FROM*C</FormulaTo><FormulaFrom>TO/C</FormulaFrom><Constant Name=\"C\">10</Constant>
             <pValue>G</pValue>{slope}</{kind}>
             <Integer Name=\"G\"><Value>55</Value><Min>20</Min><Max>400</Max><Inc>5</Inc></Integer>"
        )
    };
    let mut memory = Memory::default();
    let exact = |min, max| FeatureRange::Float { min, max, step: None };
    for (slope, want) in [
        ("", exact(2.0, 40.0)),
        ("<Slope>Increasing</Slope>", exact(2.0, 40.0)),
        ("<Slope>Decreasing</Slope>", exact(40.0, 2.0)),
        ("<Slope>Automatic</Slope>", exact(2.0, 40.0)),
        ("<Slope>Varying</Slope>", exact(f64::MIN, f64::MAX)),
    ] {
        assert_eq!(range(&nodes("Converter", slope)), want, "{slope}");
    }
    assert_eq!(range(&nodes("IntConverter", "<Slope>Increasing</Slope>")), whole(2, 40, 1));
    let mut features = features(&nodes("Converter", ""));
    assert_eq!(features.get(&mut memory, "F"), Ok(Value::Float(5.5)));
    features.set(&mut memory, "F", "7.5").unwrap();
    assert_eq!(features.get(&mut memory, "G"), Ok(Value::Integer(75)));
    assert_eq!(value(&nodes("IntConverter", ""), &mut memory), Ok(Value::Integer(5)));
    let inverse = "<Converter Name=\"F\"><FormulaTo>1000/FROM</FormulaTo><FormulaFrom>1000/TO</FormulaFrom><pValue>G</pValue></Converter>
        <Integer Name=\"G\"><Value>55</Value><Min>20</Min><Max>400</Max></Integer>";
    assert_eq!(range(inverse), exact(2.5, 50.0));
    // What it would write is outside: the sentence names who says so.
    let e = features.set(&mut memory, "F", "7.7").unwrap_err().to_string();
    assert_eq!(e, "F cannot be set: G cannot be 77; it can be 20 to 400 in steps of 5");
}

#[test]
fn formulas_use_values_and_what_goes_with_them() {
    let nodes = "<IntSwissKnife Name=\"F\"><pVariable Name=\"X\">G</pVariable><pVariable Name=\"X.Min\">G</pVariable>
        <pVariable Name=\"M.Max\">G</pVariable><pVariable Name=\"I.Inc\">G</pVariable><pVariable Name=\"E.Entry.B\">E</pVariable>
        <Formula>X*1000000 + X.Min*10000+M.Max*100+I.Inc + E.Entry.B</Formula></IntSwissKnife>
        <Integer Name=\"G\"><Value>5</Value><Min>2</Min><Max>40</Max><Inc>3</Inc></Integer>
        <Enumeration Name=\"E\"><EnumEntry Name=\"A\"><Value>3</Value></EnumEntry><EnumEntry Name=\"B\"><Value>7000000</Value></EnumEntry><Value>3</Value></Enumeration>";
    assert_eq!(integer(nodes, &[]), Some(12024003));
    let nodes = "<SwissKnife Name=\"F\"><pVariable Name=\"X\">G</pVariable><Constant Name=\"C\">2.5</Constant>
        <Expression Name=\"Y\">X+C</Expression><Formula>(X &gt; 4) &amp;&amp; (X &lt;&gt; 6) ? Y*2 : 0</Formula></SwissKnife>
        <Integer Name=\"G\"><Value>5</Value></Integer>";
    assert_eq!(value(nodes, &mut Memory::default()), Ok(Value::Float(15.0)));
    let chosen = "<Integer Name=\"F\"><pIndex>K</pIndex><ValueIndexed Index=\"1\">11</ValueIndexed>
        <pValueIndexed Index=\"3\">G</pValueIndexed><ValueDefault>99</ValueDefault></Integer>
        <Integer Name=\"K\"><Value>1</Value></Integer><Integer Name=\"G\"><Value>5</Value></Integer>";
    let mut features = features(chosen);
    let mut memory = Memory::default();
    for (k, want, access) in
        [("1", 11, Access::ReadOnly), ("2", 99, Access::ReadOnly), ("3", 5, Access::ReadWrite)]
    {
        features.set(&mut memory, "K", k).unwrap();
        assert_eq!(features.get_integer(&mut memory, "F"), Ok(want));
        assert_eq!(features.access(&mut memory, "F"), Ok(access));
    }
    features.set(&mut memory, "F", "6").unwrap();
    assert_eq!(features.get_integer(&mut memory, "G"), Ok(6));
}

#[test]
fn a_camera_allows_what_its_conditions_allow() {
    // Catches a condition that is turned round, or one that is only looked at in the outermost node.
    let node = |more: &str, z: u8| {
        format!(
            "<Integer Name=\"F\"><pValue>G</pValue></Integer><Integer Name=\"G\">{more}<Value>5</Value></Integer><Integer Name=\"Z\"><Value>{z}</Value></Integer>"
        )
    };
    for (more, z, want) in [
        ("<pIsImplemented>Z</pIsImplemented>", 0, Access::NotImplemented),
        ("<pIsImplemented>Z</pIsImplemented>", 1, Access::ReadWrite),
        ("<pIsAvailable>Z</pIsAvailable>", 0, Access::NotAvailable),
        ("<pIsAvailable>Z</pIsAvailable>", 1, Access::ReadWrite),
        ("<pIsLocked>Z</pIsLocked>", 0, Access::ReadWrite),
        ("<pIsLocked>Z</pIsLocked>", 1, Access::ReadOnly),
        ("<ImposedAccessMode>RO</ImposedAccessMode>", 0, Access::ReadOnly),
    ] {
        let mut features = features(&node(more, z));
        let mut memory = Memory::default();
        assert_eq!(features.access(&mut memory, "F"), Ok(want), "{more} {z}");
        let done = features.set(&mut memory, "F", "1");
        assert_eq!(done.is_ok(), want.is_writable(), "{more} {z}");
        assert_eq!(features.get(&mut memory, "F").is_ok(), want.is_readable(), "{more} {z}");
        if let Err(e) = done {
            assert_eq!(e.cause(), Cause::Access);
            assert_eq!(e.to_string().contains("locked"), more.contains("Locked"), "{e}");
        }
    }
    let chunk = "<IntReg Name=\"F\"><Address>0</Address><Length>4</Length><AccessMode>RO</AccessMode><pPort>C</pPort></IntReg>
        <Port Name=\"C\"><ChunkID>12</ChunkID></Port>";
    assert_eq!(features(chunk).access(&mut Memory::default(), "F"), Ok(Access::NotAvailable));
}

#[test]
fn enumerations_are_set_by_entry_or_number() {
    let nodes = "<Enumeration Name=\"F\"><EnumEntry Name=\"A\"><pIsAvailable>Z</pIsAvailable><Value>3</Value></EnumEntry>
        <EnumEntry Name=\"B\"><Value>7</Value></EnumEntry><EnumEntry Name=\"C\"><Value>0x10</Value></EnumEntry><pValue>R</pValue></Enumeration>
        <Integer Name=\"Z\"><Value>0</Value></Integer>".to_string() + &register("IntReg", "R", 1, "");
    let mut memory = Memory::of(&[(0x10, &[7])]);
    let mut features = features(&nodes);
    assert_eq!(features.get(&mut memory, "F"), Ok(Value::Entry("B".into(), 7)));
    features.set(&mut memory, "F", "C").unwrap();
    assert_eq!(features.get_integer(&mut memory, "F"), Ok(16));
    features.set(&mut memory, "F", "7").unwrap();
    assert_eq!(features.get(&mut memory, "F").unwrap().to_string(), "B");
    for (text, want) in [
        ("D", "F cannot be \"D\"; it can be B, C, and is B"),
        ("A", "F cannot be \"A\" now; it can be B, C, and is B"),
        ("3", "F cannot be \"3\"; it can be B, C, and is B"),
    ] {
        let e = features.set(&mut memory, "F", text).unwrap_err();
        assert_eq!((e.cause(), e.to_string().as_str()), (Cause::Value, want));
    }
    assert_eq!(memory.writes.len(), 2);
    memory.bytes.insert(0x10, 9);
    features.forget();
    assert!(
        features.get(&mut memory, "F").unwrap_err().to_string().contains("none of its entries")
    );
}

#[test]
fn every_kind_takes_its_texts_and_refuses_others() {
    // Catches a text that is taken for something else: "on" for 1, "5.5" for 5.
    let nodes =
        "<Boolean Name=\"B\"><pValue>R</pValue><OnValue>3</OnValue><OffValue>1</OffValue></Boolean>
        <Float Name=\"V\"><Value>1.5</Value><Min>-1</Min><Max>0.1</Max><Unit>us</Unit></Float>
        <Integer Name=\"N\"><Value>1</Value></Integer><String Name=\"S\"><Value>abc</Value></String>
        <Integer Name=\"Ip\"><Value>0</Value><Representation>IPV4Address</Representation></Integer>
        <Integer Name=\"Mac\"><Value>0</Value><Representation>MACAddress</Representation></Integer>
        <Command Name=\"C\"><pValue>R</pValue><CommandValue>5</CommandValue></Command>"
            .to_string()
            + &register("IntReg", "R", 1, "")
            + &register("StringReg", "T", 4, "")
            + &register("Register", "X", 2, "");
    let mut memory = Memory::of(&[(0x10, &[7])]);
    let mut features = features(&nodes);
    let neither = features.get(&mut memory, "B").unwrap_err().to_string();
    assert!(neither.contains("is 7, which is neither true (3) nor false (1)"), "{neither}");
    for (name, text, want) in [
        ("B", "on", "true"),
        ("B", "False", "false"),
        ("V", "0.1", "0.1"),
        ("V", "-1", "-1"),
        ("V", "0.10000001", "0.1"),
        ("N", "0x10", "16"),
        ("N", "-7", "-7"),
        ("S", "", ""),
        ("S", "\u{e4} b", "\u{e4} b"),
        ("T", "abcd", "abcd"),
        ("X", "0x0aFf", "0x0aff"),
        ("Ip", "192.168.0.7", "3232235527"),
        ("Mac", "00:11:0a:ff:00:01", "73198927873"),
        ("Mac", "0x1", "1"),
    ] {
        features.set(&mut memory, name, text).unwrap_or_else(|e| panic!("{name}={text}: {e}"));
        assert_eq!(features.get(&mut memory, name).unwrap().to_string(), want, "{name}={text}");
    }
    for (name, text, want) in [
        ("B", "yes", "B is \"yes\"; it must be true or false"),
        ("V", "NaN", "V is \"NaN\"; it must be a number"),
        ("V", "0.11", "V cannot be 0.11; it can be -1 to 0.1, and is 0.1"),
        ("N", "5.5", "N is \"5.5\"; it must be a whole number"),
        ("N", "", "N is \"\"; it must be a whole number"),
        ("N", "0x1ffffffffffffffff", "it must be a whole number"),
        ("T", "abcde", "T takes up to 4 bytes, not 5"),
        ("X", "0x0", "it must be 2 bytes as hexadecimal digits after 0x"),
        ("Ip", "192.168.0", "it must be a whole number"),
        ("C", "5", "C is a command: it is executed by C=execute, and takes no \"5\""),
        ("n", "1", "the camera has no feature \"n\", but it has N"),
        ("P", "1", "the camera has no feature \"P\""),
    ] {
        let e = features.set(&mut memory, name, text).unwrap_err().to_string();
        assert!(e.ends_with(want), "{name}={text}: {e}");
    }
    features.set(&mut memory, "C", "execute").unwrap();
    assert_eq!(memory.bytes[&0x10], 5);
    assert_eq!(features.is_done(&mut memory, "C"), Ok(false));
    memory.bytes.insert(0x10, 0);
    assert_eq!(features.is_done(&mut memory, "C"), Ok(true));
}

#[test]
fn what_was_read_is_kept_until_something_is_written() {
    // Catches a list that reads the same register a hundred times, and a payload size that is older than the region.
    let nodes = "<Integer Name=\"F\"><pValue>R</pValue></Integer>".to_string()
        + &register("IntReg", "R", 4, "")
        + &register("IntReg", "N", 2, "<Cachable>NoCache</Cachable>")
        + &register("IntReg", "L", 1, "<PollingTime>1000</PollingTime>");
    let mut memory = Memory::default();
    let mut features = features(&nodes);
    for _ in 0..3 {
        for name in ["F", "R", "N", "L"] {
            features.get(&mut memory, name).unwrap();
        }
    }
    let reads = |memory: &Memory, n| memory.reads.iter().filter(|r| r.1 == n).count();
    assert_eq!((reads(&memory, 4), reads(&memory, 2), reads(&memory, 1)), (1, 3, 3));
    features.set(&mut memory, "N", "1").unwrap();
    features.get(&mut memory, "F").unwrap();
    features.forget();
    features.get(&mut memory, "F").unwrap();
    assert_eq!(reads(&memory, 4), 3);
}

#[test]
fn a_camera_that_is_gone_is_told_with_its_code() {
    let nodes = "<Integer Name=\"F\"><pValue>R</pValue></Integer>".to_string()
        + &register("IntReg", "R", 4, "");
    let mut memory = Memory { is_gone: true, ..Memory::default() };
    let e = features(&nodes).get(&mut memory, "F").unwrap_err();
    assert_eq!((e.cause(), e.code()), (Cause::Port, Some(-1010)));
    let want = "F cannot be read: the camera's registers at 0x10 could not be read: the camera does not answer";
    assert_eq!(e.to_string(), want);
    // A list of three hundred features is not three hundred time-outs.
    let many: String = (0..300).map(|i| register("IntReg", &format!("R{i}"), 4, "")).collect();
    assert_eq!(features(&many).list(&mut memory).unwrap_err().cause(), Cause::Port);
}

#[test]
fn lists_follow_the_categories() {
    let nodes = "<Category Name=\"Root\"><pFeature>A</pFeature><pFeature>B</pFeature><pFeature>Nowhere</pFeature></Category>
        <Category Name=\"A\"><pFeature>W</pFeature><pFeature>Root</pFeature><pFeature>Gone</pFeature></Category>
        <Category Name=\"B\"><pFeature>G</pFeature><pFeature>W</pFeature><pFeature>Bad</pFeature></Category>
        <Float Name=\"G\"><Description>how
            bright</Description><Visibility>Expert</Visibility><Value>2</Value><Min>0</Min><Max>9</Max><Unit>dB</Unit></Float>
        <Integer Name=\"W\"><pValue>R</pValue><Representation>HexNumber</Representation></Integer>
        <Integer Name=\"Gone\"><pIsImplemented>Zero</pIsImplemented><Value>1</Value></Integer><Integer Name=\"Zero\"><Value>0</Value></Integer>
        <Integer Name=\"Bad\"><pValue>Missing</pValue></Integer><Integer Name=\"Hidden\"><Value>1</Value></Integer>
        <Enumeration Name=\"GS\"><pSelected>G</pSelected><EnumEntry Name=\"All\"><Value>0</Value></EnumEntry><Value>0</Value></Enumeration>".to_string()
        + &register("IntReg", "R", 1, "");
    let list = features(&nodes).list(&mut Memory::of(&[(0x10, &[255])])).unwrap();
    let names: Vec<_> = list.iter().map(|f| (f.name.as_str(), f.category.as_str())).collect();
    assert_eq!(names, [("W", "A"), ("G", "B"), ("Bad", "B")]);
    assert_eq!(
        (list[0].value.as_deref(), list[0].range.to_string().as_str()),
        (Some("0xff"), "0 to 255")
    );
    let gain = &list[1];
    assert_eq!(
        (gain.kind, gain.unit.as_str(), gain.visibility.as_str()),
        (FeatureKind::Float, "dB", "Expert")
    );
    assert_eq!(
        (gain.description.as_str(), &gain.selectors),
        ("how bright", &vec!["GS".to_string()])
    );
    let trouble = list[2].trouble.as_deref().unwrap();
    assert!(
        trouble.contains("Bad refers to Missing, which the camera's description does not explain"),
        "{trouble}"
    );
}

#[test]
fn a_journal_restores_under_the_right_selectors() {
    // Catches a camera that came back with all gains on the last channel, and a region whose place is set before its size.
    let nodes = "<Enumeration Name=\"GS\"><pSelected>G</pSelected><EnumEntry Name=\"Red\"><Value>0</Value></EnumEntry>
        <EnumEntry Name=\"Blue\"><Value>1</Value></EnumEntry><Value>0</Value></Enumeration>
        <IntReg Name=\"G\"><Address>0x20</Address><pIndex>GS</pIndex><Length>1</Length><AccessMode>RW</AccessMode><pPort>P</pPort></IntReg>
        <Integer Name=\"X\"><pValue>XR</pValue><Min>0</Min><pMax>Room</pMax></Integer><Integer Name=\"W\"><pValue>R</pValue><Min>1</Min></Integer>
        <IntSwissKnife Name=\"Room\"><pVariable Name=\"W\">R</pVariable><Formula>100 - W</Formula></IntSwissKnife>
        <IntReg Name=\"XR\"><Address>0x30</Address><Length>1</Length><AccessMode>RW</AccessMode><pPort>P</pPort></IntReg>".to_string()
        + &register("IntReg", "R", 1, "");
    let fresh = || Memory::of(&[(0x10, &[100])]);
    let (mut memory, mut before) = (fresh(), features(&nodes));
    let mut journal = Journal::default();
    for (name, value) in
        [("W", "20"), ("G", "5"), ("GS", "Blue"), ("G", "7"), ("X", "70"), ("W", "30"), ("G", "8")]
    {
        journal.set(&mut before, &mut memory, name, value).unwrap();
    }
    let made: Vec<_> = journal.settings().collect();
    assert_eq!(made, [("G", "5"), ("X", "70"), ("W", "30"), ("G", "8")]);
    let (mut again, mut after) = (fresh(), features(&nodes));
    journal.restore(&mut after, &mut again).unwrap();
    assert_eq!(again.bytes, memory.bytes);
    assert_eq!(after.get(&mut again, "GS").unwrap().to_string(), "Blue");
    again.is_gone = true;
    assert_eq!(
        journal.restore(&mut features(&nodes), &mut again).unwrap_err().cause(),
        Cause::Port
    );
}

#[test]
fn circles_and_depths_and_crowds_are_errors() {
    // Catches an overflowed stack and an evaluation that takes for ever.
    let circle = "<Integer Name=\"F\"><pValue>G</pValue></Integer><Integer Name=\"G\"><pValue>F</pValue></Integer>";
    let e = value(circle, &mut Memory::default()).unwrap_err();
    assert!(e.contains("goes round in a circle: F, G and F again"), "{e}");
    let own = "<Integer Name=\"F\"><Value>5</Value><pMax>F</pMax></Integer>";
    assert_eq!(range(own), whole(i64::MIN, 5, 1));
    let chain: String = (0..100_000)
        .map(|i| format!("<Integer Name=\"N{i}\"><pValue>N{}</pValue></Integer>", i + 1))
        .collect();
    let e = features(&chain).get(&mut Memory::default(), "N0").unwrap_err().to_string();
    assert!(e.contains("more than 64 nodes"), "{e}");
    let double: String = (0..60)
        .map(|i| format!("<IntSwissKnife Name=\"N{i}\"><pVariable Name=\"A\">N{0}</pVariable><pVariable Name=\"B\">N{0}</pVariable><Formula>A+B</Formula></IntSwissKnife>", i + 1))
        .collect();
    let e = features(&double).get(&mut Memory::default(), "N0").unwrap_err().to_string();
    assert!(e.contains("N59 refers to N60") || e.contains("more than"), "{e}");
    let ended = double + "<Integer Name=\"N60\"><Value>1</Value></Integer>";
    let e = features(&ended).get(&mut Memory::default(), "N0").unwrap_err().to_string();
    assert!(e.contains("more than 20000 nodes"), "{e}");
    let long = register("StringReg", "F", 4, "").replace(">4<", ">9999999999<");
    assert!(value(&long, &mut Memory::default()).unwrap_err().contains("9999999999 bytes long"));
}

#[test]
fn constants_have_all_their_bits() {
    // Catches a mask or an address that a double has rounded: another register is written.
    let knife = |constant: &str| {
        format!(
            "<IntSwissKnife Name=\"F\"><Constant Name=\"C\">{constant}</Constant><Formula>C</Formula></IntSwissKnife>"
        )
    };
    for (text, n) in [
        ("0x0123456789ABCDEF", 0x0123_4567_89AB_CDEF),
        ("0x20000000000001", 0x0020_0000_0000_0001),
        ("-9007199254740993", -9_007_199_254_740_993),
    ] {
        assert_eq!(integer(&knife(text), &[]), Some(n), "{text}");
    }
    for text in ["1.5", "1e3"] {
        assert_eq!(integer(&knife(text), &[]), None, "{text} is no whole number");
    }
}

#[test]
fn all_formulas_together_have_a_bound() {
    // Catches five kilobytes of a description that cost hundreds of megabytes and seconds, in the middle of a
    // reconnection.
    let double = |n: usize| match n {
        14 => "<Expression Name=\"E14\">1</Expression>".to_string(),
        n => format!("<Expression Name=\"E{n}\">E{0}+E{0}</Expression>", n + 1),
    };
    let expressions: String = (1..=14).map(double).collect();
    let knife = |n: usize| {
        format!("<IntSwissKnife Name=\"F{n}\">{expressions}<Formula>E1</Formula></IntSwissKnife>")
    };
    let mut features = features(&(0..300).map(knife).collect::<String>());
    let mut memory = Memory::default();
    assert_eq!(features.get_integer(&mut memory, "F0"), Ok(8192));
    let why = features.get(&mut memory, "F299").unwrap_err().to_string();
    assert!(why.contains("2000000 steps"), "{why}");
}

#[test]
fn what_is_no_description_is_a_sentence() {
    let entity =
        "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><RegisterDescription>&b;</RegisterDescription>";
    for bad in ["", "<a/>", "{}", "<RegisterDescription>", entity, "\0\0\0"] {
        let e = Features::parse(bad.as_bytes()).unwrap_err();
        assert_eq!(e.cause(), Cause::Description);
        assert!(
            e.to_string().starts_with("the camera's description") && !e.to_string().contains('\n'),
            "{e}"
        );
    }
    // One node that is wrong costs that node.
    let mut features = features(
        "<Integer Name=\"A\"><Value>x</Value></Integer><Integer Name=\"B\"><Value>1</Value></Integer><Foo Name=\"C\"/><Integer/>",
    );
    let mut memory = Memory::default();
    assert_eq!(features.get_integer(&mut memory, "B"), Ok(1));
    for (name, want) in
        [("A", "has <Value> \"x\", which is no whole number"), ("C", "is a node of kind \"Foo\"")]
    {
        let e = features.get(&mut memory, name).unwrap_err().to_string();
        assert!(e.contains(want), "{e}");
    }
}
