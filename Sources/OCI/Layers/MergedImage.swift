import Archive
package import Base
import Core
import Digest
import Linux

/// An image whose layers were read once: its tree, and the layer that has the content of each file. The content is read
/// in a second pass, into a squashfs image or a directory. Nothing is unpacked in between.
package final class MergedImage {
    package let image: OCIImage
    package let tree: LayerTree
    let limits: LayerLimits

    /// Reads all layers, verifies them, and merges what their headers say.
    package init(_ image: OCIImage, limits: LayerLimits = LayerLimits()) throws(SkiffError) {
        (self.image, self.limits) = (image, limits)
        guard image.layers.count <= LayerTree.mostLayers else {
            throw SkiffError("cannot use \(image.source): it has \(image.layers.count) layers")
        }
        tree = LayerTree(limits: limits)
        for index in image.layers.indices { try merge(index) }
    }

    private func name(_ index: Int) -> String { "layer \(index + 1) of \(image.source)" }

    private func merge(_ index: Int) throws(SkiffError) {
        let name = name(index)
        let stream = try LayerStream(image.layers[index], name: name, limits: limits, checksContent: true)
        var merge = LayerMerge(tree, layer: UInt16(index))
        try reading(name) { () throws in
            let reader = try TarReader(stream)
            while let entry = try reader.next() {
                guard let file = try Self.apply(entry, &merge, name) else { continue }
                try look(file, entry, reader)
            }
        }
        try stream.finish()
    }

    private static func apply(_ entry: TarEntry, _ merge: inout LayerMerge, _ name: String) throws(SkiffError)
        -> UInt32?
    {
        do throws(LayerError) {
            return try merge.apply(entry)
        } catch {
            throw SkiffError("cannot apply \(name): \(String(decoding: entry.path, as: UTF8.self)): \(error.reason)")
        }
    }

    /// Keeps what is needed of a file before the image is written: the processor of programs, and the files that
    /// describe the image.
    private func look(_ file: UInt32, _ entry: TarEntry, _ reader: TarReader) throws {
        if Self.isDescription(entry.path), entry.size <= 1 << 20, keptBytes < 32 << 20 {
            let bytes = try reader.start(Int(entry.size))
            keptBytes += bytes.count
            tree.contents[file] = bytes
        } else if entry.permissions & 0o111 != 0, entry.size >= 20 {
            let name = ELFMachine.name(try reader.start(20))
            tree.files[Int(file)].machine = UInt16(name.flatMap { SIFArchitecture(name: $0) }?.code ?? 0)
        }
    }

    private var keptBytes = 0

    private static func isDescription(_ path: [UInt8]) -> Bool {
        let path = LayerMerge.clean(path)
        return path.first?.elementsEqual(".singularity.d".utf8) == true
            || path.count > 3 && path[0].elementsEqual("scif".utf8)
    }

    // MARK: Content

    /// Reads the content of every regular file that has any, each once, in the order of the layers.
    ///
    /// - Parameter body: called with the file, its size, and a function that reads the parts of its content in order,
    ///   without holes.
    func contents(
        _ body: (
            _ file: UInt32, _ size: Int64,
            _ parts: (_ part: (Int64, UnsafeRawBufferPointer) throws -> Void) throws -> Void
        )
            throws -> Void
    ) throws(SkiffError) {
        var wanted = [[UInt32]](repeating: [], count: image.layers.count)
        for (number, file) in tree.files.enumerated()
        where file.names > 0 && file.isRegular && file.value > 0 && Int(file.layer) < wanted.count {
            wanted[Int(file.layer)].append(UInt32(number))
        }
        for index in wanted.indices where !wanted[index].isEmpty {
            wanted[index].sort { tree.files[Int($0)].member < tree.files[Int($1)].member }
            try contents(of: index, wanted[index], body)
            wanted[index] = []
        }
    }

    private func contents(
        of index: Int, _ wanted: [UInt32],
        _ body: (
            _ file: UInt32, _ size: Int64,
            _ parts: (_ part: (Int64, UnsafeRawBufferPointer) throws -> Void) throws -> Void
        )
            throws -> Void
    ) throws(SkiffError) {
        let name = name(index)
        let stream = try LayerStream(image.layers[index], name: name, limits: limits, checksContent: false)
        var rest = wanted[...]
        try reading(name) { () throws in
            let reader = try TarReader(stream)
            var member: UInt32 = 0
            while let file = rest.first, let entry = try reader.next() {
                defer { member += 1 }
                guard tree.files[Int(file)].member == member else { continue }
                guard entry.kind == .file, entry.size == tree.files[Int(file)].value else { throw changed(name) }
                rest.removeFirst()
                try body(file, entry.size) { part in try reader.content(part) }
            }
        }
        // Read to the end, so that what was used is what is verified.
        try stream.finish()
        guard rest.isEmpty else { throw changed(name) }
    }

    private func changed(_ name: String) -> SkiffError {
        SkiffError("cannot read \(name): it changed while it was read")
    }

    private func reading(_ name: String, _ body: () throws -> Void) throws(SkiffError) {
        do {
            try body()
        } catch let error as SkiffError {
            throw error
        } catch {
            throw SkiffError("cannot read \(name): \(error)")
        }
    }

    /// The size of the content of all files, including holes, in bytes.
    package var contentSize: Int64 {
        tree.files.reduce(0) { sum, file in
            guard file.names > 0, file.isRegular else { return sum }
            return sum.addingReportingOverflow(file.value).partialValue
        }
    }
}
