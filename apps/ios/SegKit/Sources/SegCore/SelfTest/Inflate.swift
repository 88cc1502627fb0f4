/// Undoes zlib's compression (RFC 1950 and 1951), as PNGs use it. Foundation has none on Linux; what is tested there is what
/// runs on a phone.
struct Inflate {
    private struct Damage: Error {}

    /// Codes by their length, and their symbols in the order of the codes.
    private struct Codes {
        var counts = [Int](repeating: 0, count: 16)
        var symbols: [Int]

        /// - Throws: `Damage` if there are more codes than bits can tell apart.
        init(lengths: ArraySlice<Int>) throws {
            for length in lengths { counts[length] += 1 }
            counts[0] = 0
            var left = 1
            for count in counts.dropFirst() {
                left = left << 1 - count
                if left < 0 { throw Damage() }
            }
            symbols = lengths.enumerated().filter { $0.element > 0 }
                .sorted { $0.element != $1.element ? $0.element < $1.element : $0.offset < $1.offset }.map(\.offset)
        }
    }

    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145,
        8193, 12289, 16385, 24577,
    ]
    private static let distanceBits = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
    ]
    private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    private let bytes: [UInt8]
    private let size: Int
    private var at = 2
    private var bits = 0
    private var held = 0
    private var found: [UInt8] = []

    private init(_ bytes: [UInt8], _ size: Int) {
        self.bytes = bytes
        self.size = size
        found.reserveCapacity(size)
    }

    /// Decompresses so many bytes; nil if these are others, or damaged.
    static func bytes(of packed: [UInt8], count: Int) -> [UInt8]? {
        guard packed.count > 2, packed[0] & 0x0F == 8, (Int(packed[0]) << 8 | Int(packed[1])) % 31 == 0 else {
            return nil
        }
        var inflate = Inflate(packed, count)
        return try? inflate.all()
    }

    private mutating func all() throws -> [UInt8] {
        var isLast = false
        while !isLast {
            isLast = try take(1) == 1
            switch try take(2) {
            case 0: try stored()
            case 1: try block(Self.fixed())
            case 2: try block(dynamic())
            default: throw Damage()
            }
        }
        if found.count != size { throw Damage() }
        return found
    }

    private static func fixed() throws -> (lengths: Codes, distances: Codes) {
        let lengths = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
        return (try Codes(lengths: lengths[...]), try Codes(lengths: [Int](repeating: 5, count: 30)[...]))
    }

    /// Reads bits, the lowest first.
    private mutating func take(_ count: Int) throws -> Int {
        while held < count {
            guard at < bytes.count else { throw Damage() }
            bits |= Int(bytes[at]) << held
            at += 1
            held += 8
        }
        let value = bits & (1 << count - 1)
        bits >>= count
        held -= count
        return value
    }

    private mutating func stored() throws {
        (bits, held) = (0, 0)
        guard at + 4 <= bytes.count else { throw Damage() }
        let count = Int(bytes[at]) | Int(bytes[at + 1]) << 8
        at += 4
        guard at + count <= bytes.count, found.count + count <= size else { throw Damage() }
        found += bytes[at..<at + count]
        at += count
    }

    private mutating func symbol(_ codes: Codes) throws -> Int {
        var (code, first, index) = (0, 0, 0)
        for length in 1...15 {
            code |= try take(1)
            let count = codes.counts[length]
            if code - first < count { return codes.symbols[index + code - first] }
            index += count
            first = (first + count) << 1
            code <<= 1
        }
        throw Damage()
    }

    private mutating func dynamic() throws -> (lengths: Codes, distances: Codes) {
        let numLengths = try take(5) + 257
        let numDistances = try take(5) + 1
        let numCodes = try take(4) + 4
        var ofCodes = [Int](repeating: 0, count: 19)
        for place in 0..<numCodes { ofCodes[Self.codeOrder[place]] = try take(3) }
        let codes = try Codes(lengths: ofCodes[...])
        var lengths: [Int] = []
        while lengths.count < numLengths + numDistances {
            let symbol = try symbol(codes)
            switch symbol {
            case 0..<16: lengths.append(symbol)
            case 16:
                guard let last = lengths.last else { throw Damage() }
                lengths += [Int](repeating: last, count: try take(2) + 3)
            case 17: lengths += [Int](repeating: 0, count: try take(3) + 3)
            default: lengths += [Int](repeating: 0, count: try take(7) + 11)
            }
        }
        guard lengths.count == numLengths + numDistances else { throw Damage() }
        return (try Codes(lengths: lengths[..<numLengths]), try Codes(lengths: lengths[numLengths...]))
    }

    private mutating func block(_ codes: (lengths: Codes, distances: Codes)) throws {
        while true {
            let symbol = try symbol(codes.lengths)
            if symbol == 256 { return }
            if symbol < 256 {
                guard found.count < size else { throw Damage() }
                found.append(UInt8(symbol))
                continue
            }
            guard symbol - 257 < Self.lengthBases.count else { throw Damage() }
            let length = try Self.lengthBases[symbol - 257] + take(Self.lengthBits[symbol - 257])
            let place = try self.symbol(codes.distances)
            guard place < Self.distanceBases.count else { throw Damage() }
            let distance = try Self.distanceBases[place] + take(Self.distanceBits[place])
            guard distance <= found.count, found.count + length <= size else { throw Damage() }
            for _ in 0..<length { found.append(found[found.count - distance]) }
        }
    }
}
