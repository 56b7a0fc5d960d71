package import Base
package import Linux
import Shell

/// What an image file holds that is neither SIF, squashfs nor ext3, as a plugin describes it (`skiff.image-format/2`).
package struct ForeignImage: Sendable, Equatable {
    /// A partition, as it lies in the file.
    package struct Part: Sendable, Equatable {
        package var filesystem: SIFFilesystem
        package var role: SIFPartitionRole
        package var range: ByteRange

        package init(_ filesystem: SIFFilesystem, _ role: SIFPartitionRole, _ range: ByteRange) {
            (self.filesystem, self.role, self.range) = (filesystem, role, range)
        }
    }

    package var parts: [Part] = []
    package var architecture = SIFArchitecture.unknown
    package var record = ForeignRecord()

    package init() {}
}

/// What an image says about itself outside of its file system. In a container it stands where a build would have put it.
package struct ForeignRecord: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        /// Absolute, in the image.
        package let path: String
        package let bytes: [UInt8]
        package let mode: UInt32
    }

    /// Names and values of the image's environment.
    package var variables: [(name: String, value: String)] = []
    package var labels: [(name: String, value: String)] = []
    /// A script with its first line `#!`.
    package var runscript: String?

    package init() {}

    /// The place of the script that sets the variables: before all that sections of definitions bring.
    package static let environmentPath = "/.singularity.d/env/10-image.sh"
    package static let runscriptPath = "/.singularity.d/runscript"

    /// The files that say the same in an image that skiff builds.
    package var files: [Entry] {
        var files: [Entry] = []
        if !variables.isEmpty {
            let lines = variables.map { "export \($0.name)=\(ShellQuoting.single($0.value))\n" }
            files.append(Entry(path: Self.environmentPath, bytes: ("#!/bin/sh\n" + lines.joined()).bytes, mode: 0o755))
        }
        if let runscript { files.append(Entry(path: Self.runscriptPath, bytes: runscript.bytes, mode: 0o755)) }
        if !labels.isEmpty {
            let text = JSONText.object(labels.map { JSONText.Member($0.name, .string($0.value)) }).text(indent: "\t")
            files.append(Entry(path: "/.singularity.d/labels.json", bytes: text.bytes, mode: 0o644))
        }
        return files
    }

    package static func == (left: Self, right: Self) -> Bool { left.files == right.files }
}

/// Formats of images that somebody else knows.
package protocol ImageFormats: Sendable {
    /// - Parameters:
    ///   - file: open for reading.
    ///   - start: its first bytes.
    /// - Returns: nil when nobody knows the file.
    func describe(_ file: CInt, _ path: String, start: [UInt8]) throws(SkiffError) -> ForeignImage?
}

extension ImageSource {
    /// Who is asked about files that are none of the built-in kinds: the same everywhere in a program, so that a command
    /// takes what the next one takes. Set once, before there are threads.
    package nonisolated(unsafe) static var formats: (any ImageFormats)?

    init(
        foreign image: ForeignImage, _ file: consuming OwnedFD, _ path: String, _ isWritable: Bool, size: Int64
    ) throws(SkiffError) {
        try image.check(size: size)
        let root = try image.sections(.primarySystem, "system", file.raw)
        let overlays = try image.sections(.overlay, "overlay", file.raw)
        let data = try image.sections(.data, "data", file.raw)
        self.init(
            kind: .foreign, descriptor: file, path: path, isWritable: isWritable, root: root.first,
            overlays: overlays, data: data, architecture: image.architecture, record: image.record)
    }
}

extension ForeignImage {
    /// As many as any image has.
    private static let mostParts = 64

    /// Checks what a plugin said, as the table of a SIF is checked.
    /// - Parameter size: of the file.
    package func check(size: Int64) throws(SkiffError) {
        guard parts.count <= Self.mostParts else { throw refusal("describes more than \(Self.mostParts) sections") }
        var end: Int64 = 0
        for part in parts.sorted(by: { $0.range.offset < $1.range.offset }) {
            let (last, isTooLong) = part.range.offset.addingReportingOverflow(part.range.size)
            guard part.range.offset >= 0, part.range.size > 0, !isTooLong, last <= size else {
                throw refusal("describes a section outside of the file")
            }
            guard part.range.offset >= end else { throw refusal("describes sections that overlap") }
            guard RootFilesystem(part.filesystem) != nil else {
                throw refusal("describes a section that is neither squashfs nor ext3")
            }
            end = last
        }
        let roots = parts.filter { $0.role == .primarySystem }.count
        guard roots == 1 else {
            throw refusal(roots == 0 ? "describes no root file system" : "describes more than one root file system")
        }
    }

    private func refusal(_ reason: String) -> SkiffError {
        SkiffError("the plugin that knows the image's format \(reason)")
    }

    fileprivate func sections(_ role: SIFPartitionRole, _ use: String, _ file: CInt) throws(SkiffError)
        -> [ImageSection]
    {
        var found: [ImageSection] = []
        for part in parts where part.role == role {
            found.append(try ImageSource.section(part.filesystem, part.range, id: 0, use, file))
        }
        return found
    }
}
