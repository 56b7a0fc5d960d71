import Archive
import Base
import Core
import Digest
import Foundation
import Linux
import SquashfsWriter
import TestSupport
import Testing

@testable import OCI

/// Writes archives as no tar program would.
struct TarBytes {
    private(set) var bytes: [UInt8] = []

    mutating func header(
        _ name: [UInt8], type: Character = "0", mode: Int = 0o644, uid: Int = 0, gid: Int = 0, size: Int = 0,
        time: Int = 0,
        link: [UInt8] = [], device: (Int, Int) = (0, 0)
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: [UInt8], _ offset: Int) { block.replaceSubrange(offset..<offset + text.count, with: text) }
        func octal(_ value: Int, _ digits: Int) -> [UInt8] {
            let text = String(value, radix: 8)
            return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
        }
        put(Array(name.prefix(100)), 0)
        put(octal(mode, 7), 100)
        put(octal(uid, 7), 108)
        put(octal(gid, 7), 116)
        put(octal(size, 11), 124)
        put(octal(time, 11), 136)
        put([type.asciiValue ?? 0], 156)
        put(Array(link.prefix(100)), 157)
        put(Array("ustar\u{0}00".utf8), 257)
        put(octal(device.0, 7), 329)
        put(octal(device.1, 7), 337)
        put(Array("        ".utf8), 148)
        put(octal(block.reduce(0) { $0 + Int($1) }, 6) + [0, 0x20], 148)
        bytes += block
    }

    mutating func content(_ data: [UInt8]) {
        bytes += data + [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }

    mutating func pax(_ records: [(String, [UInt8])]) {
        var text: [UInt8] = []
        for (key, value) in records {
            let rest = Array(" \(key)=".utf8) + value + [0x0A]
            var length = rest.count
            while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
            text += Array(String(length).utf8) + rest
        }
        header(Array("pax".utf8), type: "x", size: text.count)
        content(text)
    }

    mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }
}

extension TarBytes {
    /// What most layers are made of.
    mutating func file(_ name: String, _ text: String, mode: Int = 0o644, uid: Int = 0, gid: Int = 0, time: Int = 1000)
    {
        let data = Array(text.utf8)
        header(Array(name.utf8), mode: mode, uid: uid, gid: gid, size: data.count, time: time)
        content(data)
    }

    mutating func directory(_ name: String, mode: Int = 0o755, uid: Int = 0, gid: Int = 0, time: Int = 1000) {
        header(Array(name.utf8), type: "5", mode: mode, uid: uid, gid: gid, time: time)
    }

    mutating func symlink(_ name: String, _ target: String) {
        header(Array(name.utf8), type: "2", mode: 0o777, time: 1000, link: Array(target.utf8))
    }

    mutating func link(_ name: String, _ target: String) {
        header(Array(name.utf8), type: "1", time: 1000, link: Array(target.utf8))
    }

    static func made(_ fill: (inout TarBytes) -> Void) -> [UInt8] {
        var tar = TarBytes()
        fill(&tar)
        tar.end()
        return tar.bytes
    }
}

extension Scratch {
    func blob(_ bytes: [UInt8]) throws -> Blob { try Blob(path: file(UUID().uuidString, bytes, mode: 0o600)) }

    /// An image of layers, from the lowest; their digests are the true ones unless given.
    func image(_ layers: [[UInt8]], config: String = #"{"architecture":"amd64","os":"linux"}"#) throws -> OCIImage {
        let made = try layers.map { bytes in
            let digest = try OCIDigest(SHA256.text(of: bytes))
            return OCILayer(blob: try blob(bytes), digest: digest, diffID: bytes.first == 0x1F ? nil : digest)
        }
        return OCIImage(
            source: "test", manifestDigest: try OCIDigest("sha256:" + String(repeating: "0", count: 64)),
            config: try OCIConfig(parsing: Array(config.utf8)), layers: made)
    }
}

extension LayerTree {
    /// Every entry, sorted by path: `path kind mode uid:gid`, and what there is to say of a kind.
    var lines: [String] {
        var result: [String] = []
        var pending = [Self.root]
        while let node = pending.popLast() {
            pending += sortedChildren(node).reversed()
            let file = file(of: node)
            let kind = ["p", "c", "?", "d", "?", "b", "?", "f", "?", "l"][Int(file.type >> 12) - 1]
            let path = "/" + printable(self.path(of: node))
            var line = "\(path) \(kind) \(String(file.mode & 0o7777, radix: 8)) \(file.uid):\(file.gid)"
            if file.isRegular { line += " \(file.value)@\(file.layer)" }
            if file.isSymlink { line += " > \(printable(Array(target(file))))" }
            if kind == "c" || kind == "b" { line += " \(file.value >> 32),\(file.value & 0xFFFF_FFFF)" }
            if file.names > 1 { line += " x\(file.names)" }
            for pair in xattrs[Int(file.xattrs)] { line += " \(printable(pair.name))=\(printable(pair.value))" }
            result.append(line)
        }
        return result
    }
}

/// The tree that layers make, without its root.
func merged(_ layers: [[UInt8]], limits: LayerLimits = LayerLimits()) throws -> [String] {
    let scratch = try Scratch()
    return Array(try MergedImage(scratch.image(layers), limits: limits).tree.lines.dropFirst())
}

private func printable(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self).printable }
