import PluginKit

/// What the JSON of a LUKS2 header says, checked before anybody works with it: "LUKS2 On-Disk Format Specification", §3. Only what
/// is read here is known; all else is refused, not skipped.
package struct LUKSHeader: Equatable, Sendable {
    package struct Keyslot: Equatable, Sendable {
        package let number: Int
        package let derivation: LUKSKeyDerivation
        let salt: [UInt8]
        /// Of its key material, from the start of the volume, in bytes.
        package let area: Range<UInt64>
        /// Of the key that the material is encrypted with, in bytes: 32 or 64.
        let areaKeySize: Int
        let splitHash: LUKSHash
    }

    /// What the volume key of some slots is recognised by; PBKDF2.
    struct Digest: Equatable, Sendable {
        let slots: Set<Int>
        let hash: LUKSHash
        let iterations: UInt64
        let salt: [UInt8]
        let value: [UInt8]
    }

    /// In the order of their numbers.
    package let keyslots: [Keyslot]
    let digests: [Digest]
    /// Of each of the two copies of the header, in bytes.
    package let copySize: UInt64
    /// Of the encrypted bytes, from the start of the volume.
    package let dataOffset: UInt64
    /// Of the plain volume, whole sectors.
    package let dataSize: UInt64
    package let sectorSize: Int
    /// What the tweak of the first sector is, in 512 bytes.
    package let tweakOffset: UInt64

    package static let cipher = "aes-xts-plain64"
    /// Of the volume key, in bytes: AES-256, twice.
    package static let keySize = 64
    static let stripes = 4000
    private static let mostKeyslots = 32

    /// - Parameters:
    ///   - copy: the header.
    ///   - volumeSize: how many bytes the volume has.
    package init(_ copy: LUKSHeaderCopy, volumeSize: UInt64) throws(LUKSProblem) {
        let root: JSON
        do throws(JSON.Problem) {
            root = try JSON(parsing: copy.json)
        } catch {
            throw LUKSProblem("the JSON of its header is broken at byte \(error.offset): \(error.reason)")
        }
        try Self.checkNames(root)
        try Self.checkConfiguration(root, copy.binary)
        (dataOffset, dataSize, sectorSize, tweakOffset) = try Self.segment(root, volumeSize)
        copySize = UInt64(copy.binary.size)
        let metadata = 2 * copySize
        guard dataOffset >= metadata else { throw LUKSProblem("its data begins in its header") }
        keyslots = try Self.keyslots(root, between: metadata..<dataOffset)
        digests = try Self.digests(root, keyslots)
    }

    /// Of two members with one name we would take the first, libcryptsetup the last, and it takes a name to end at a zero: what was
    /// checked would not be what counts.
    private static func checkNames(_ value: JSON) throws(LUKSProblem) {
        switch value {
        case .object(let members):
            var names: Set<[UInt8]> = []
            for member in members {
                let name = Array(member.name.utf8)
                guard !name.contains(0), names.insert(name).inserted else {
                    throw LUKSProblem("the JSON of its header is broken: it has a name twice")
                }
                try checkNames(member.value)
            }
        case .array(let items): for item in items { try checkNames(item) }
        default: break
        }
    }

    private static func checkConfiguration(_ root: JSON, _ binary: LUKSBinaryHeader) throws(LUKSProblem) {
        guard let configuration = root["config"], let text = configuration["json_size"]?.text, let size = UInt64(text),
            size == UInt64(binary.size - LUKSBinaryHeader.length)
        else { throw LUKSProblem("its header does not say how long it is") }
        let requirements = configuration["requirements"]?["mandatory"]?.items ?? []
        if let first = requirements.first {
            throw LUKSProblem("it needs what this version does not have: \(first.text ?? "a requirement")")
        }
        if let flags = configuration["flags"]?.items, flags.count > 64 { throw LUKSProblem("it has too many flags") }
    }

    private static func segment(_ root: JSON, _ volumeSize: UInt64) throws(LUKSProblem) -> (UInt64, UInt64, Int, UInt64)
    {
        guard case .object(let segments)? = root["segments"], segments.count == 1, segments[0].name == "0" else {
            throw LUKSProblem("it has not one segment, but several or none")
        }
        let segment = segments[0].value
        guard segment["type"]?.text == "crypt" else { throw LUKSProblem("its segment is not encrypted") }
        guard segment["integrity"] == nil else {
            throw LUKSProblem("it has dm-integrity, which this version does not read")
        }
        guard segment["flags"] == nil else { throw LUKSProblem("it is being encrypted anew") }
        let cipher = segment["encryption"]?.text ?? ""
        guard cipher == Self.cipher else { throw LUKSProblem("its cipher is \(cipher), not \(Self.cipher)") }
        guard let sector = segment["sector_size"]?.integer, [512, 1024, 2048, 4096].contains(sector) else {
            throw LUKSProblem("its sectors have no size that there is")
        }
        guard let offset = number(segment["offset"]), let tweak = number(segment["iv_tweak"]), offset % 512 == 0 else {
            throw LUKSProblem("its segment has no offset")
        }
        guard offset < volumeSize else { throw LUKSProblem("it is cut off: its data would begin behind its end") }
        let room = volumeSize - offset
        let size: UInt64
        if segment["size"]?.text == "dynamic" {
            size = room / UInt64(sector) * UInt64(sector)
        } else {
            guard let fixed = number(segment["size"]), fixed % UInt64(sector) == 0 else {
                throw LUKSProblem("its segment has no size")
            }
            guard fixed <= room else {
                throw LUKSProblem("it is cut off: its data has \(fixed) bytes, and \(room) are there")
            }
            size = fixed
        }
        guard size > 0 else { throw LUKSProblem("it is empty") }
        guard !tweak.addingReportingOverflow(size / 512).overflow else {
            throw LUKSProblem("its sectors have no numbers")
        }
        return (offset, size, sector, tweak)
    }

    private static func keyslots(_ root: JSON, between bounds: Range<UInt64>) throws(LUKSProblem) -> [Keyslot] {
        guard case .object(let members)? = root["keyslots"], !members.isEmpty else {
            throw LUKSProblem("it has no key slot")
        }
        guard members.count <= mostKeyslots else { throw LUKSProblem("it has \(members.count) key slots") }
        var slots: [Keyslot] = []
        for member in members {
            guard let number = Int(member.name), (0..<mostKeyslots).contains(number), String(number) == member.name,
                !slots.contains(where: { $0.number == number })
            else { throw LUKSProblem("it has a key slot that is no number, or one twice") }
            slots.append(try keyslot(number, member.value, bounds))
        }
        slots.sort { $0.number < $1.number }
        for (index, slot) in slots.enumerated() {
            if let other = slots[..<index].first(where: { $0.area.overlaps(slot.area) }) {
                throw LUKSProblem("its key slots \(other.number) and \(slot.number) overlap")
            }
        }
        return slots
    }

    private static func keyslot(_ number: Int, _ slot: JSON, _ bounds: Range<UInt64>) throws(LUKSProblem) -> Keyslot {
        func problem(_ reason: String) -> LUKSProblem { LUKSProblem("its key slot \(number) \(reason)") }
        guard slot["type"]?.text == "luks2" else { throw problem("is of an unknown kind") }
        guard slot["key_size"]?.integer == keySize else {
            throw problem("has a key of \(slot["key_size"]?.integer ?? 0) bytes, not \(keySize)")
        }
        guard let area = slot["area"], area["type"]?.text == "raw", area["encryption"]?.text == cipher,
            let areaKeySize = area["key_size"]?.integer, [32, 64].contains(areaKeySize)
        else { throw problem("is encrypted in an unknown way") }
        guard let offset = Self.number(area["offset"]), let size = Self.number(area["size"]), offset % 512 == 0,
            size % 512 == 0, offset >= bounds.lowerBound, offset <= bounds.upperBound,
            size <= bounds.upperBound - offset
        else { throw problem("lies outside of the room for keys") }
        guard let split = slot["af"], split["type"]?.text == "luks1", let stripes = split["stripes"]?.integer,
            stripes == Self.stripes, let splitHash = split["hash"]?.text.flatMap({ LUKSHash(rawValue: $0) })
        else { throw problem("is spread in an unknown way") }
        guard size >= UInt64(keySize * stripes) else { throw problem("is cut off") }
        guard let derivation = slot["kdf"].flatMap({ LUKSKeyDerivation($0) }) else {
            throw problem("derives its key in an unknown way")
        }
        guard let salt = bytes(slot["kdf"]?["salt"], 1...1024) else { throw problem("has a salt that is none") }
        return Keyslot(
            number: number, derivation: derivation, salt: salt, area: offset..<offset + size, areaKeySize: areaKeySize,
            splitHash: splitHash)
    }

    /// Every key slot has a digest of the key of the segment, and computing it takes no longer than it should.
    private static func digests(_ root: JSON, _ slots: [Keyslot]) throws(LUKSProblem) -> [Digest] {
        guard case .object(let members)? = root["digests"], members.count <= mostKeyslots else {
            throw LUKSProblem("it has no digest of its key")
        }
        var digests: [Digest] = []
        for digest in members.map(\.value) {
            guard digest["type"]?.text == "pbkdf2", let derivation = LUKSKeyDerivation(digest), derivation.isBearable,
                case .pbkdf2(let hash, let iterations) = derivation, let salt = bytes(digest["salt"], 1...1024),
                let value = bytes(digest["digest"], 16...64)
            else { throw LUKSProblem("it has a digest of its key that cannot be computed") }
            guard digest["segments"]?.items.contains(.string("0")) ?? false else { continue }
            let numbers = (digest["keyslots"]?.items ?? []).compactMap { $0.text.flatMap { Int($0) } }
            digests.append(
                Digest(slots: Set(numbers), hash: hash, iterations: iterations, salt: salt, value: value))
        }
        if let slot = slots.first(where: { slot in !digests.contains { $0.slots.contains(slot.number) } }) {
            throw LUKSProblem("its key slot \(slot.number) has no digest")
        }
        return digests
    }

    private static func bytes(_ value: JSON?, _ count: ClosedRange<Int>) -> [UInt8]? {
        guard let text = value?.text, let bytes = try? Base64.bytes(text), count.contains(bytes.count) else {
            return nil
        }
        return bytes
    }

    /// Numbers that may have 64 bits are texts in this format.
    private static func number(_ value: JSON?) -> UInt64? {
        guard let text = value?.text, let number = UInt64(text), String(number) == text else { return nil }
        return number
    }

    /// Where the last key slot ends, from the start of the volume.
    package var keysEnd: UInt64 { keyslots.map(\.area.upperBound).max() ?? 0 }
}

/// The hashes that slots and digests may name.
package enum LUKSHash: String, Equatable, Sendable {
    case sha1, sha256, sha512
}

/// How a key slot makes a key of a passphrase.
package enum LUKSKeyDerivation: Equatable, Sendable {
    /// Memory in KiB.
    case argon2(kind: String, time: UInt64, memory: UInt64, lanes: UInt64)
    case pbkdf2(hash: LUKSHash, iterations: UInt64)

    /// Of Argon2, in KiB: what cryptsetup takes at most when it makes one.
    package static let mostMemory: UInt64 = 1 << 20
    /// Minutes on a slow machine, and far more than cryptsetup makes.
    private static let mostIterations: UInt64 = 200_000_000
    /// Of Argon2: passes times KiB.
    private static let mostWork: UInt64 = 100 << 20

    init?(_ value: JSON) {
        func number(_ name: String) -> UInt64? { value[name]?.integer.flatMap { UInt64(exactly: $0) } }
        switch value["type"]?.text {
        case "argon2i"?, "argon2id"?:
            guard let kind = value["type"]?.text, let time = number("time"), let memory = number("memory"),
                let lanes = number("cpus"), time > 0, memory > 0, (1...64).contains(lanes)
            else { return nil }
            self = .argon2(kind: kind, time: time, memory: memory, lanes: lanes)
        case "pbkdf2"?:
            guard let hash = value["hash"]?.text.flatMap({ LUKSHash(rawValue: $0) }),
                let iterations = number("iterations"), iterations > 0
            else { return nil }
            self = .pbkdf2(hash: hash, iterations: iterations)
        default: return nil
        }
    }

    package var isBearable: Bool { excess == nil }

    /// What is too much about it, for messages; nil when nothing is.
    package var excess: String? {
        switch self {
        case .argon2(let kind, let time, let memory, _):
            if memory > Self.mostMemory {
                return "\(kind) with \(memory) KiB of memory, and \(Self.mostMemory) KiB (1 GiB) is the most"
            }
            let work = time.multipliedReportingOverflow(by: memory)
            if work.overflow || work.partialValue > Self.mostWork {
                return "\(kind) with \(time) passes over \(memory) KiB"
            }
        case .pbkdf2(let hash, let iterations):
            if iterations > Self.mostIterations {
                return "pbkdf2 with \(iterations) rounds of \(hash.rawValue), and \(Self.mostIterations) are the most"
            }
        }
        return nil
    }
}
