    -- 64 bits of a keyed hash (SipHash-2-4): the same number of an account has the same one everywhere
    text -> lower(hex(substring(sipHash128Keyed((key0, key1), concat(known.account, '\0', text)), 1, 8))) AS keyed,
    number -> multiIf(isNull(number), NULL, number = '', '', concat(keyed(assumeNotNull(number)), '-', rightUTF8(assumeNotNull(number), 2))) AS pseudonym,
    numbers -> arrayMap(each -> assumeNotNull(pseudonym(each)), numbers) AS pseudonyms,
    text -> if(isNull(text), NULL, keyed(assumeNotNull(text))) AS reference,
    text -> replaceRegexpAll(text, '[+＋]?\\pN(?:[^\\pNA-Za-z]{0,3}\\pN){4,}', '…') AS blanked
