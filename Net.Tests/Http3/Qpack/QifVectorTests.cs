using Net.Http3.Messages;
using Net.Tests.Http3.Qpack.Offline;

namespace Net.Tests.Http3.Qpack;

/// <summary>The header sets of qpackers/qifs, and nghttp3's encodings of them, from the directory that lies beside the repository.</summary>
[TestClass]
public sealed class QifVectorTests
{
    /// <summary>Goal: each of nghttp3's files decodes to its header set.</summary>
    [TestMethod]
    public void All_files_of_another_encoder_decode()
    {
        foreach ((string name, string set, int capacity, int blocked, _, byte[] file) in Files())
        {
            List<FieldSection>? lists = OfflineCodec.Decode(file, capacity, blocked);
            Assert.IsNotNull(lists, name);
            AssertSame(Lists(set), lists, name);
        }
    }

    /// <summary>
    /// Goal: we compress no worse than nghttp3, whatever the table, the streams that may block and the acknowledgements; and what we write
    /// decodes to what was written.
    /// </summary>
    [TestMethod]
    public void Our_encodings_are_no_larger_than_those_of_nghttp3()
    {
        foreach ((string name, string set, int capacity, int blocked, bool acknowledge, byte[] file) in Files())
        {
            using MemoryStream output = new();
            OfflineCodec.Encode(Lists(set), capacity, blocked, acknowledge, output);
            Assert.IsLessThanOrEqualTo(file.Length, (int)output.Length, name);
            List<FieldSection>? lists = OfflineCodec.Decode(output.ToArray(), capacity, blocked);
            Assert.IsNotNull(lists, name);
            AssertSame(Lists(set), lists, name);
        }
    }

    private readonly Dictionary<string, List<FieldSection>> _lists = [];

    private List<FieldSection> Lists(string set)
    {
        if (!_lists.TryGetValue(set, out List<FieldSection>? lists))
        {
            _lists.Add(set, lists = QifText.Read(Path.Combine(Directory(), "qifs", set + ".qif")));
        }

        return lists;
    }

    /// <summary>All files, whose names are SET.out.CAPACITY.BLOCKED.ACK.</summary>
    private static IEnumerable<(string Name, string Set, int Capacity, int Blocked, bool Acknowledge, byte[] File)> Files()
    {
        foreach (string path in System.IO.Directory.GetFiles(Path.Combine(Directory(), "encoded/qpack-05/nghttp3")).Order(StringComparer.Ordinal))
        {
            string[] parts = Path.GetFileName(path).Split('.');
            int[] numbers = [.. parts[2..].Select(int.Parse)];
            yield return (Path.GetFileName(path), parts[0], numbers[0], numbers[1], numbers[2] == 1, File.ReadAllBytes(path));
        }
    }

    private static void AssertSame(List<FieldSection> expected, List<FieldSection> actual, string name)
    {
        Assert.HasCount(expected.Count, actual, name);
        for (int i = 0; i < expected.Count; i++)
        {
            CollectionAssert.AreEqual(expected[i].ToArray(), actual[i].ToArray(), $"{name}, list {i}");
        }
    }

    /// <summary>Without the files: inconclusive, or failed where CI=true.</summary>
    private static string Directory()
    {
        string? shared = Environment.GetEnvironmentVariable("CONTINUUM_SHARED");
        List<string> candidates = shared is null ? [] : [shared];
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            candidates.Add(Path.Combine(at.FullName, "shared"));
        }

        string? found = candidates.Select(candidate => Path.Combine(candidate, "vectors", "qifs")).FirstOrDefault(System.IO.Directory.Exists);
        if (found is null && Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail("shared/vectors/qifs is missing");
        }

        if (found is null)
        {
            Assert.Inconclusive("shared/vectors/qifs is not on this machine; CONTINUUM_SHARED names its directory");
        }

        return found!;
    }
}
