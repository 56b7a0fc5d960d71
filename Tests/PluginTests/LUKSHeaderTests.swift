import Linux
import TestSupport
import Testing

@testable import EncryptionPlugin

/// A header with a JSON text and a right checksum, in both copies or in one.
private func header(_ json: String, sequences: [UInt64] = [3, 3], size: Int = 16384) throws -> [UInt8] {
    var all: [UInt8] = []
    for (index, sequence) in sequences.enumerated() {
        var bytes = [UInt8](repeating: 0, count: size)
        func put(_ offset: Int, _ number: UInt64) {
            for place in 0..<8 {
                bytes[offset + place] = UInt8(truncatingIfNeeded: number >> (8 * (7 - UInt64(place))))
            }
        }
        bytes.replaceSubrange(0..<8, with: Array((index == 0 ? "LUKS" : "SKUL").utf8) + [0xBA, 0xBE, 0, 2])
        put(8, UInt64(size))
        put(16, sequence)
        put(256, UInt64(index * size))
        bytes.replaceSubrange(72..<78, with: Array("sha256".utf8))
        let text = Array(json.utf8)
        bytes.replaceSubrange(4096..<4096 + text.count, with: text)
        let sum = try #require(Crypto.sha256(bytes))
        bytes.replaceSubrange(448..<480, with: sum)
        all += bytes
    }
    return all
}

private func parse(_ bytes: [UInt8], volume: UInt64 = 32 << 20) throws -> LUKSHeader {
    let copy = try LUKSHeaderCopy(findIn: bytes) { (bytes) throws(LUKSProblem) in
        guard let sum = Crypto.sha256(bytes) else { throw LUKSProblem("no digest") }
        return sum
    }
    return try LUKSHeader(copy, volumeSize: volume)
}

private func problem(_ bytes: [UInt8], volume: UInt64 = 32 << 20) -> String? {
    do {
        _ = try parse(bytes, volume: volume)
        return nil
    } catch {
        return (error as? LUKSProblem)?.reason
    }
}

@Suite struct LUKSHeaders {
    /// That of the vector: two key slots, sectors of 512 bytes.
    private let json: String

    init() throws {
        let seed = try readFile("\(repository)/Tests/Fuzz/LUKSHeader/seeds/vector")
        json = String(decoding: seed, as: UTF8.self)
    }

    @Test func readsWhatCryptsetupWrites() throws {
        let header = try parse(try header(json))
        #expect(header.keyslots.map(\.number) == [0, 1])
        #expect(header.keyslots.map(\.area) == [32768..<290816, 290816..<548864])
        #expect(header.dataOffset == 16 << 20 && header.dataSize == 16 << 20 && header.sectorSize == 512)
        #expect(
            header.keyslots[0].derivation == .argon2(kind: "argon2id", time: 4, memory: 32768, lanes: 1)
                && header.keysEnd == 548864)
    }

    @Test func theNewerCopyCounts() throws {
        let older = json.replacing("\"iv_tweak\":\"0\"", with: "\"iv_tweak\":\"8\"")
        let (first, second) = (try header(json, sequences: [3, 3]), try header(older, sequences: [4, 4]))
        #expect(try parse(Array(first[..<16384] + second[16384...])).tweakOffset == 8)
        #expect(try parse(Array(second[..<16384] + first[16384...])).tweakOffset == 8)
        // A copy whose checksum is wrong does not count, however new.
        var broken = Array(first[..<16384] + second[16384...])
        broken[16384 + 5000] ^= 1
        #expect(try parse(broken).tweakOffset == 0)
        broken[5000] ^= 1
        #expect(problem(broken) == "neither copy of the header is whole: it is damaged, or no LUKS2 header")
        #expect(problem([]) == problem(broken) && problem(Array(first[..<4096])) == problem(broken))
    }

    @Test func refusesWhatItDoesNotKnow() throws {
        let area = #""offset":"290816","size":"258048""#
        for (from, to, reason) in [
            (
                #""aes-xts-plain64","sector_size""#, #""aes-cbc-essiv:sha256","sector_size""#,
                "its cipher is aes-cbc-essiv"
            ),
            (#""sector_size":512"#, #""sector_size":513"#, "its sectors have no size that there is"),
            (#""sector_size":512"#, #""sector_size":512,"integrity":{"type":"hmac(sha256)"}"#, "it has dm-integrity"),
            (#""sector_size":512"#, #""sector_size":512,"flags":["backup-final"]"#, "it is being encrypted anew"),
            (#""segments":{"#, #""segments":{"1":{"type":"crypt"},"#, "it has not one segment, but several or none"),
            (#""offset":"16777216""#, #""offset":"999999488""#, "it is cut off: its data would begin behind its end"),
            (#""offset":"16777216""#, #""offset":"16384""#, "its data begins in its header"),
            (#""offset":"16777216""#, #""offset":"-1""#, "its segment has no offset"),
            (#""dynamic""#, #""33554432""#, "it is cut off: its data has 33554432 bytes, and 16777216 are there"),
            (area, #""offset":"32768","size":"258048""#, "its key slots 0 and 1 overlap"),
            (area, #""offset":"290816","size":"99999744""#, "its key slot 1 lies outside of the room for keys"),
            (area, #""offset":"18446744073709551104","size":"258048""#, "lies outside of the room for keys"),
            (area, #""offset":"290816","size":"512""#, "its key slot 1 is cut off"),
            (area, #""offset":"4096","size":"258048""#, "lies outside of the room for keys"),
            (#""stripes":4000"#, #""stripes":4000000000"#, "is spread in an unknown way"),
            (#""argon2id""#, #""scrypt""#, "derives its key in an unknown way"),
            (#""config":{"#, #""config":{"requirements":{"mandatory":["online-reencrypt"]},"#, "online-reencrypt"),
            (#""iv_tweak":"0""#, #""iv_tweak":"18446744073709551615""#, "its sectors have no numbers"),
            (#""keyslots":["0","1"]"#, #""keyslots":["0"]"#, "its key slot 1 has no digest"),
            // libcryptsetup takes the last of two, and takes a name to end at a zero.
            (#""memory":32768"#, #""memory":32768,"memory":99999999"#, "it has a name twice"),
            (#""memory":32768"#, #""memory":32768,"memory\u0000":99999999"#, "it has a name twice"),
            (#""memory":32768"#, #""memory":32768,"m\u0065mory":99999999"#, "it has a name twice"),
        ] {
            let changed = json.replacing(from, with: to, maxReplacements: 1)
            try #require(changed != json, "\(from) is not in \(json)")
            let told = problem(try header(changed)) ?? ""
            #expect(told.contains(reason), "\(to): \(told)")
        }
    }

    @Test func boundsWhatIsRead() throws {
        // Nesting, and numbers of things.
        let deep = String(repeating: "[", count: 6000)
        let nested = problem(try header(deep)) ?? ""
        #expect(nested.contains("nested too deep"), "\(nested)")
        let many = (2..<102).map { "\"\($0)\":{}" }.joined(separator: ",")
        let slots = json.replacing(#""keyslots":{"#, with: "\"keyslots\":{\(many),", maxReplacements: 1)
        let counted = problem(try header(slots))
        #expect(counted == "it has 102 key slots")
        // A size that no header has.
        var bytes = try header(json)
        bytes[10] = 0xFF
        bytes[16384 + 10] = 0xFF
        #expect(problem(bytes)?.hasPrefix("neither copy") == true)
    }

    @Test func boundsWhatAKeyDemands() throws {
        func derivation(_ text: String) throws -> LUKSKeyDerivation {
            let from = #""type":"argon2id","time":4,"memory":32768,"cpus":1"#
            return try parse(try header(json.replacing(from, with: text))).keyslots[0].derivation
        }
        #expect(try derivation(#""type":"argon2id","time":4,"memory":1048576,"cpus":4"#).isBearable)
        #expect(
            try derivation(#""type":"argon2id","time":4,"memory":1048577,"cpus":4"#).excess
                == "argon2id with 1048577 KiB of memory, and 1048576 KiB (1 GiB) is the most")
        #expect(
            try derivation(#""type":"argon2i","time":4000000000,"memory":8192,"cpus":4"#).excess
                == "argon2i with 4000000000 passes over 8192 KiB")
        #expect(
            try derivation(#""type":"pbkdf2","hash":"sha256","iterations":4294967295"#).excess
                == "pbkdf2 with 4294967295 rounds of sha256, and 200000000 are the most")
        #expect(try derivation(#""type":"pbkdf2","hash":"sha512","iterations":1000000"#).isBearable)
    }
}
