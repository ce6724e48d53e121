-- 工伤住院病人。GSBZ 的 空、''、' '、'0' 都表示“不是工伤”。
-- 工伤登记可以还没有录（LEFT JOIN）：该病人仍然列出，只是登记不了。
-- 跨省异地的（YDBZ = '1'）不在这里，见 cross-province-visits.sql。
-- CYRQ 在院时写法不一（空、''、' '、00000000），统一成空。
SELECT r.ZYH, r.ZYHM, r.ZYCS, r.BRXM, r.BRXB, UPPER(r.SFZH) AS SFZH, r.RYRQ,
       CASE WHEN r.CYPB = 1 THEN r.CYRQ END AS CYRQ,
       r.BRCH, k.KSMC, b.KSMC AS BQMC, y.YGXM AS YSXM,
       g.GSLB, g.DWBH, g.GRBH, g.RDSBH, g.SQBH, g.ZLLB, g.JBBM, g.SBKH, g.ZFFS
FROM ZY_BRRY r
LEFT JOIN GS_DJXX g ON g.ZYH = r.ZYH
LEFT JOIN GY_KSDM k ON k.KSDM = r.BRKS
LEFT JOIN GY_KSDM b ON b.KSDM = r.BRBQ
LEFT JOIN GY_YGDM y ON y.YGDM = r.ZZYS
WHERE r.GSBZ = '1' AND COALESCE(g.YDBZ, '0') <> '1'
