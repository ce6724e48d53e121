-- 有工伤登记的收费单；退费单（YSFXH 不空）和作废单除外；跨省异地的（YDBZ = '1'）见 cross-province-outpatient-visits.sql。
-- 连同退费单都结账了的才有结账日期 JZRQ；又来一张退费单，就诊又算未结束。
SELECT b.SFXH, b.MZHM, b.SFRQ, p.BRXM, p.BRXB, UPPER(p.SFZH) AS SFZH, k.KSMC, y.YGXM AS YSXM,
       g.GSLB, g.DWBH, g.GRBH, g.RDSBH, g.SQBH, g.ZLLB, g.JBBM, g.SBKH, g.ZFFS,
       CASE WHEN NOT EXISTS (SELECT 1 FROM MS_SFZB t WHERE t.YSFXH = b.SFXH AND t.ZFPB = 0 AND t.JZRQ IS NULL)
            THEN b.JZRQ END AS JZRQ
FROM MS_SFZB b
JOIN GS_DJXX g ON g.SFXH = b.SFXH
JOIN MS_BRDA p ON p.BRID = b.BRID
LEFT JOIN GY_KSDM k ON k.KSDM = b.KSDM
LEFT JOIN GY_YGDM y ON y.YGDM = b.YSGH
WHERE b.YSFXH IS NULL AND b.ZFPB = 0 AND COALESCE(g.YDBZ, '0') <> '1'
