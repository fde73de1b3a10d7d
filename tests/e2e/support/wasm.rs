//! Components with more in them than they need: byte for byte, so that no assembler is needed.

/// A component with these sections behind its own.
struct Grown {
    bytes: Vec<u8>,
    /// How many core modules it had.
    modules: u32,
}

/// With a core module of so many functions, each of so many branches that look at so many variables. It is never run; to compile it takes time by the square of the branches, and memory
/// by branches times variables.
pub fn hard_to_compile(component: &[u8], functions: u32, branches: u32, variables: u32) -> Vec<u8> {
    let mut code = Vec::new();
    match variables {
        // No variables besides the parameter.
        0 => code.push(0),
        _ => code.extend([&[1][..], &number(variables), &[0x7f]].concat()),
    }
    for branch in 0..branches {
        let [this, other] = match variables {
            0 => [0, 0],
            _ => [1 + branch % variables, 1 + branch * 7 % variables],
        };
        // block; local.get this; br_if 0; local.get other; i32.const 7; i32.add; local.set this; end
        code.extend([&[0x02, 0x40, 0x20][..], &number(this), &[0x0d, 0, 0x20]].concat());
        code.extend([&number(other)[..], &[0x41, 7, 0x6a, 0x21], &number(this), &[0x0b]].concat());
    }
    // local.get 0; end
    code.extend([0x20, 0, 0x0b]);
    let code = counted(&code).repeat(functions as usize);
    let module = module(&[
        // A function from a number to a number.
        (1, vec![1, 0x60, 1, 0x7f, 1, 0x7f]),
        (3, [number(functions), vec![0; functions as usize]].concat()),
        (10, [number(functions), code].concat()),
    ]);
    let mut grown = Grown::new(component);
    grown.section(1, &module);
    grown.bytes
}

/// With a core module of so many memories of so many pages each, instantiated so often.
pub fn with_memories(component: &[u8], count: u32, pages: u32, instances: u32) -> Vec<u8> {
    let one = [vec![0], number(pages)].concat();
    let memories = [number(count), one.repeat(count as usize)].concat();
    Grown::new(component).with_instances(&module(&[(5, memories)]), instances)
}

/// With a core module of so many tables of so many elements each, instantiated so often.
pub fn with_tables(component: &[u8], count: u32, elements: u32, instances: u32) -> Vec<u8> {
    let one = [vec![0x70, 0], number(elements)].concat();
    let tables = [number(count), one.repeat(count as usize)].concat();
    Grown::new(component).with_instances(&module(&[(4, tables)]), instances)
}

/// With an empty core module, instantiated so many times.
pub fn with_instances(component: &[u8], count: u32) -> Vec<u8> {
    Grown::new(component).with_instances(&module(&[]), count)
}

impl Grown {
    fn new(component: &[u8]) -> Self {
        let modules = sections(component).filter(|(id, _)| *id == 1).count() as u32;
        Grown { bytes: component.to_vec(), modules }
    }

    fn section(&mut self, id: u8, content: &[u8]) {
        self.bytes.push(id);
        self.bytes.extend(counted(content));
    }

    fn with_instances(mut self, module: &[u8], count: u32) -> Vec<u8> {
        self.section(1, module);
        // Of this module, without arguments.
        let one = [vec![0], number(self.modules), vec![0]].concat();
        self.section(2, &[number(count), one.repeat(count as usize)].concat());
        self.bytes
    }
}

/// The sections of a component: what they are, and what is in them.
fn sections(component: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = &component[8..];
    std::iter::from_fn(move || {
        let (&id, mut after) = rest.split_first()?;
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let (&byte, next) = after.split_first()?;
            after = next;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (content, next) = after.split_at(length);
        rest = next;
        Some((id, content))
    })
}

fn module(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in sections {
        bytes.push(*id);
        bytes.extend(counted(content));
    }
    bytes
}

/// With its length before it.
fn counted(content: &[u8]) -> Vec<u8> {
    [number(content.len() as u32), content.to_vec()].concat()
}

/// In groups of seven bits.
fn number(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let group = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(group);
            return bytes;
        }
        bytes.push(group | 0x80);
    }
}
