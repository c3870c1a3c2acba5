using System.Collections;
using System.Reflection;
using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Tests.Core.Recovery;

/// <summary>What holds for every part: each field that travels has left its default, and comes back as it was.</summary>
internal static class PartAssert
{
    private const BindingFlags Fields = BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly;

    public static byte[] Export<TPart>(TPart part, Instant now) where TPart : IPart<TPart>
    {
        SnapshotWriter writer = new(now);
        part.Export(writer);
        return writer.Written.ToArray();
    }

    public static TPart Import<TPart>(byte[] bytes, Instant now) where TPart : IPart<TPart>
    {
        byte[] image = [.. bytes];
        SnapshotReader reader = new(image, now);
        TPart part = TPart.Import(reader);
        reader.End();
        // As an image is wiped when it was read: a part keeps nothing of it.
        Array.Clear(image);
        return part;
    }

    /// <summary>Export, import on a machine with another clock, export: the same bytes.</summary>
    public static TPart RoundTrip<TPart>(TPart part, Instant now) where TPart : IPart<TPart> => RoundTrip(part, now, now + TimeSpan.FromDays(77));

    /// <inheritdoc cref="RoundTrip{TPart}(TPart, Instant)"/>
    public static TPart RoundTrip<TPart>(TPart part, Instant now, Instant elsewhere) where TPart : IPart<TPart>
    {
        byte[] bytes = Export(part, now);
        TPart copy = Import<TPart>(bytes, elsewhere);
        CollectionAssert.AreEqual(bytes, Export(copy, elsewhere));
        return copy;
    }

    /// <summary>Every field differs from that of a new part, and equals it again after a trip between machines whose clocks agree.</summary>
    public static void EveryFieldTravels<TPart>(TPart part, TPart fresh, Instant now) where TPart : IPart<TPart>
    {
        TPart copy = Import<TPart>(Export(part, now), now);
        foreach (FieldInfo field in AllFields(part.GetType()))
        {
            if (field.Name.Contains("Changes", StringComparison.Ordinal))
            {
                continue;
            }

            object? value = field.GetValue(part);
            Assert.IsFalse(Same(value, field.GetValue(fresh)), $"{field.Name} still holds its default: the test proves nothing about it");
            Assert.IsTrue(Same(value, field.GetValue(copy)), $"{field.Name} did not travel");
        }

        _ = RoundTrip(part, now);
    }

    /// <summary>A snapshot cut anywhere is refused, never half applied.</summary>
    public static void EveryCutIsRefused<TPart>(TPart part, Instant now) where TPart : IPart<TPart>
    {
        byte[] bytes = Export(part, now);
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.ThrowsExactly<SnapshotException>(() => Import<TPart>(bytes[..length], now), $"cut at {length}");
        }
    }

    private static IEnumerable<FieldInfo> AllFields(Type? type)
    {
        for (; type is not null && type != typeof(object); type = type.BaseType)
        {
            foreach (FieldInfo field in type.GetFields(Fields))
            {
                yield return field;
            }
        }
    }

    private static bool Same(object? a, object? b) => (a, b) switch
    {
        (IList x, IList y) => x.Cast<object?>().SequenceEqual(y.Cast<object?>()),
        _ => Equals(a, b),
    };
}
