import Base
import Core
import Testing

@testable import Registry

@Suite struct DownloadLimitsTests {
    @Test func settingsBecomeLimits() throws {
        let standard = try DownloadLimits(Settings())
        #expect(standard.connections == 3 && standard.partSize == 5_242_880 && standard.bufferSize == nil)
        var settings = Settings()
        (settings.downloadConcurrency, settings.downloadPartSize, settings.downloadBufferSize) = (7, 1 << 20, 4096)
        let limits = try DownloadLimits(settings)
        #expect(limits.connections == 7 && limits.partSize == 1 << 20 && limits.bufferSize == 4096)
    }
}
