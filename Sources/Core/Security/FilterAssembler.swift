/// Classic BPF as seccomp(2) takes it: instructions that jump forward to labels, and bytes at the end. Enough for
/// filters that compare the number and arguments of a call.
package struct FilterAssembler {
    /// A place to jump to.
    package struct Label: Hashable, Sendable { fileprivate let number: Int }

    /// Offsets in `struct seccomp_data`.
    package enum Field {
        case number, architecture
        /// The low 32 bits of an argument, counted from 0; this machine is little-endian.
        case argument(Int)

        fileprivate var offset: UInt32 {
            switch self {
            case .number: 0
            case .architecture: 4
            case .argument(let index): 16 + 8 * UInt32(index)
            }
        }
    }

    private struct Instruction {
        var code: UInt16
        var value: UInt32
        var then: Label?
        var otherwise: Label?
    }

    private var instructions: [Instruction] = []
    private var places: [Label: Int] = [:]
    private var count = 0

    package init() {}

    package mutating func label() -> Label {
        count += 1
        return Label(number: count)
    }

    /// Makes the label lead to the next instruction.
    package mutating func place(_ label: Label) { places[label] = instructions.count }

    // BPF_LD | BPF_W | BPF_ABS, BPF_ALU | BPF_AND | BPF_K, BPF_JMP | BPF_JEQ or BPF_JSET | BPF_K, BPF_RET | BPF_K.
    package mutating func load(_ field: Field) { add(0x20, field.offset) }
    package mutating func and(_ mask: UInt32) { add(0x54, mask) }
    package mutating func jump(ifEqual value: UInt32, to then: Label, else otherwise: Label? = nil) {
        add(0x15, value, then, otherwise)
    }
    package mutating func jump(ifAnyOf bits: UInt32, to then: Label, else otherwise: Label? = nil) {
        add(0x45, bits, then, otherwise)
    }
    package mutating func end(_ action: UInt32) { add(0x06, action) }

    private mutating func add(_ code: UInt16, _ value: UInt32, _ then: Label? = nil, _ otherwise: Label? = nil) {
        instructions.append(Instruction(code: code, value: value, then: then, otherwise: otherwise))
    }

    /// Returns one `struct sock_filter` after the other; nil for a label that is not placed, lies before its jump, or
    /// is farther away than a jump reaches, which is 255 instructions.
    package func bytes() -> [UInt8]? {
        var result: [UInt8] = []
        for (index, instruction) in instructions.enumerated() {
            guard let then = distance(index, instruction.then), let otherwise = distance(index, instruction.otherwise)
            else { return nil }
            result += [UInt8(truncatingIfNeeded: instruction.code), UInt8(instruction.code >> 8), then, otherwise]
            result += (0..<4).map { UInt8(truncatingIfNeeded: instruction.value >> ($0 * 8)) }
        }
        return result
    }

    private func distance(_ index: Int, _ label: Label?) -> UInt8? {
        guard let label else { return 0 }
        return places[label].flatMap { UInt8(exactly: $0 - index - 1) }
    }
}
