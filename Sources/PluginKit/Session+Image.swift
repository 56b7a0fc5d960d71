public import PluginAPI

/// A part of an open file.
public struct FilePart: Sendable, Equatable {
    public let descriptor: Int32
    public let offset: UInt64
    public let size: UInt64

    public init(descriptor: Int32, offset: UInt64, size: UInt64) {
        (self.descriptor, self.offset, self.size) = (descriptor, offset, size)
    }
}

extension Session {
    private func image() throws(PluginError) -> skiff_host_image { try table(SKIFF_HOST_IMAGE, skiff_host_image.self) }

    /// Returns the image's file; nil for a directory.
    public func imageDescriptor() throws(PluginError) -> Int32? {
        let slot = try image().descriptor
        var descriptor: Int32 = -1
        let status = slot?(pointer, &descriptor)
        if status == SKIFF_DECLINED { return nil }
        try check(status)
        return descriptor
    }

    /// Returns the objects of a SIF, or the one file system of another image; `skiff/host/image.h`.
    public func imageSections() throws(PluginError) -> [skiff_section] {
        let table = try image()
        var count: UInt32 = 0
        let status = table.section_count?(pointer, &count)
        if status == SKIFF_DECLINED { return [] }
        try check(status)
        var sections: [skiff_section] = []
        for index in 0..<count {
            var section = skiff_section()
            section.struct_size = UInt32(MemoryLayout<skiff_section>.size)
            try check(table.section?(pointer, index, &section))
            sections.append(section)
        }
        return sections
    }
}
