using System.Runtime.InteropServices;

namespace Net.Tests.Migration.HandOver;

/// <summary>Collects what decides how a state goes on: two states of one text are one.</summary>
internal sealed class ModelKey
{
    private static readonly Dictionary<string, int> s_texts = new(StringComparer.Ordinal);

    private readonly List<char> _text = new(128);

    public void Add(params ReadOnlySpan<int> numbers)
    {
        foreach (int number in numbers)
        {
            _text.Add((char)number);
        }
    }

    public void Add(params ReadOnlySpan<bool> flags)
    {
        int bits = 1;
        foreach (bool flag in flags)
        {
            bits = (bits << 1) | (flag ? 1 : 0);
        }

        _text.Add((char)bits);
    }

    /// <summary>Things that are in no order.</summary>
    public void AddSet(List<int> numbers)
    {
        numbers.Sort();
        Add(CollectionsMarshal.AsSpan(numbers));
        Add(0xFFFF);
    }

    /// <summary>A number that stands for the text in this process.</summary>
    public static int NumberOf(string text)
    {
        lock (s_texts)
        {
            if (!s_texts.TryGetValue(text, out int number))
            {
                number = s_texts.Count;
                s_texts.Add(text, number);
            }

            return number;
        }
    }

    public override string ToString() => new(CollectionsMarshal.AsSpan(_text));
}
